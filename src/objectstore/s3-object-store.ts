// An object store in an S3-compatible bucket, through the AWS SDK. Uploads carry a CRC32C that the store checks, and count only when
// the reply (or a read-back) proves it; reads are checked by what they hold (cell checksums, SHA-256), not here. One try per call: RetryingObjectStore repeats.
// Conditional writes are `If-None-Match: *`; 409 and 412 both give 'conflict'.
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { checkKey, keysPerDeleteMax } from './object-key.js';
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.js';
import { makeS3Client } from './s3-client.js';
import { s3Error } from './s3-errors.js';
import { crc32cText, digest, provesUpload } from './s3-proof.js';
import { type ResolvedS3Settings, resolveS3Settings, type S3Settings } from './s3-settings.js';
import { checksumRefused, type StoreCall, type StoreOperation, storeUnavailable } from './store-errors.js';

export interface S3Ports {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** New memory is slow to touch: about 2 ms. */
const copyBytesPerTurn = 2 * 1024 * 1024;

export class S3ObjectStore implements ObjectStore {
  readonly description: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  /** '' or ending in '/'. */
  readonly #prefix: string;
  readonly #settings: ResolvedS3Settings;
  readonly #ports: S3Ports;
  #closed = false;

  constructor(bucket: string, prefix: string, settings: S3Settings, ports: S3Ports) {
    this.#settings = resolveS3Settings(settings);
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#ports = ports;
    this.description = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`} at ${settings.endpoint ?? `AWS ${settings.region ?? ''}`.trim()}`;
    this.#client = makeS3Client(this.#settings, ports.clock);
  }

  async put(key: string, buffers: readonly Buffer[], options: PutOptions): Promise<void> {
    const call = this.#call('put', key);
    checkKey(key);
    const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    assert(bytes > 0, 'objects are not empty');
    const condition = options.ifAbsent ? { IfNoneMatch: '*' } : {};
    try {
      if (bytes >= this.#settings.multipartFromBytes) {
        await this.#putInParts(call, buffers, condition);
        return;
      }
      const body = await joinedInTurns(buffers, this.#ports.clock);
      const reply = await this.#client.send(new PutObjectCommand({ ...this.#object(key), Body: body, ContentLength: body.length, ...(await this.#checksum(body)), ...condition }));
      if (!(await provesUpload(reply, body, call, this.#ports.clock))) await this.#readBack(call, [body]);
    } catch (error) {
      throw s3Error(error, call);
    }
  }

  async get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Buffer> {
    const call = this.#call('get', key);
    checkKey(key);
    try {
      const header = range === undefined ? {} : { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
      const reply = await this.#client.send(new GetObjectCommand({ ...this.#object(key), ...header }));
      if (reply.Body === undefined || reply.ETag === undefined) throw storeUnavailable(call, new Error('the reply has no ETag: something that is no S3 store has answered'));
      const bytes = await received(reply.Body as AsyncIterable<Buffer>, reply.ContentLength ?? 0); // on Node the body is a stream of buffers
      if (reply.ContentLength !== bytes.length) throw storeUnavailable(call, new Error(`${bytes.length} of ${reply.ContentLength ?? 'an unknown number of'} bytes came`));
      if (range === undefined) return bytes;
      // Status 200 to a ranged read: the store ignored the range.
      if (reply.ContentRange === undefined) return bytes.subarray(range.offset, range.offset + range.length);
      return bytes;
    } catch (error) {
      throw s3Error(error, call);
    }
  }

  async head(key: string): Promise<ObjectInfo | null> {
    const call = this.#call('head', key);
    checkKey(key);
    try {
      const { ETag, ContentLength } = await this.#client.send(new HeadObjectCommand(this.#object(key)));
      if (ETag === undefined || ContentLength === undefined) throw storeUnavailable(call, new Error('the reply has no ETag: something that is no S3 store has answered'));
      return { key, bytes: ContentLength };
    } catch (error) {
      const failure = s3Error(error, call);
      if (failure.kind === 'missing') return null;
      throw failure;
    }
  }

  async *list(prefix: string, startAfter?: string): AsyncIterable<ObjectInfo> {
    const call = this.#call('list', prefix);
    let token: string | undefined;
    do {
      let page: ListObjectsV2CommandOutput;
      try {
        page = await this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: this.#prefix + prefix,
            ...(startAfter === undefined ? {} : { StartAfter: this.#prefix + startAfter }),
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        );
      } catch (error) {
        throw s3Error(error, call);
      }
      if (page.IsTruncated === undefined) throw storeUnavailable(call, new Error('the reply is no listing: something that is no S3 store has answered'));
      for (const { Key, Size } of page.Contents ?? []) if (Key !== undefined) yield { key: Key.slice(this.#prefix.length), bytes: Size ?? 0 };
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async delete(keys: readonly string[]): Promise<void> {
    assert(keys.length <= keysPerDeleteMax, 'a delete call takes at most 1,000 keys');
    keys.forEach(checkKey);
    const [first] = keys;
    if (first === undefined) return;
    const call = this.#call('delete', first);
    try {
      if (keys.length === 1 || this.#settings.checksum === 'md5') await this.#deleteEach(keys);
      else await this.#deleteTogether(keys);
    } catch (error) {
      throw s3Error(error, call);
    }
  }

  close(): Promise<void> {
    if (!this.#closed) this.#client.destroy();
    this.#closed = true;
    return Promise.resolve();
  }

  async #putInParts(call: StoreCall, buffers: readonly Buffer[], condition: { readonly IfNoneMatch?: string }): Promise<void> {
    const target = this.#object(call.key);
    const algorithm = this.#settings.checksum === 'crc32c' ? ({ ChecksumAlgorithm: 'CRC32C' } as const) : {};
    const { UploadId } = await this.#client.send(new CreateMultipartUploadCommand({ ...target, ...algorithm }));
    if (UploadId === undefined) throw storeUnavailable(call, new Error('the reply has no upload id'));
    try {
      const parts: { ETag: string | undefined; PartNumber: number; ChecksumCRC32C?: string }[] = [];
      let proven = true;
      for (const body of cut(buffers, this.#settings.partBytes)) {
        const checksum = await this.#checksum(body);
        const PartNumber = parts.length + 1;
        const reply = await this.#client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body: body, ContentLength: body.length, ...checksum }));
        proven = (await provesUpload(reply, body, call, this.#ports.clock)) && proven;
        parts.push({ ETag: reply.ETag, PartNumber, ...('ChecksumCRC32C' in checksum ? { ChecksumCRC32C: checksum.ChecksumCRC32C } : {}) });
      }
      const { ETag } = await this.#client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts: parts }, ...condition }));
      if (ETag === undefined) throw storeUnavailable(call, new Error('the reply has no ETag'));
      if (!proven) await this.#readBack(call, buffers);
    } catch (error) {
      await this.#abandon(call, UploadId);
      throw error;
    }
  }

  /** Parts of an upload that is given up cost money until they are aborted. The reason of the failure is what the caller hears. */
  async #abandon(call: StoreCall, UploadId: string): Promise<void> {
    try {
      await this.#client.send(new AbortMultipartUploadCommand({ ...this.#object(call.key), UploadId }));
    } catch (error) {
      if (isErrorOf(s3Error(error, { ...call, operation: 'get' }), 'missing')) return;
      this.#ports.logger.warn({ store: this.description, key: call.key, reason: messageOf(error) }, 'an upload in parts could not be aborted: give the bucket a rule that removes incomplete uploads');
    }
  }

  async #deleteTogether(keys: readonly string[]): Promise<void> {
    const Objects = keys.map((key) => ({ Key: this.#prefix + key }));
    const { Errors = [] } = await this.#client.send(new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects, Quiet: true } }));
    const failed = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
    const [first] = failed;
    if (first === undefined) return;
    const error = Object.assign(new Error(`${failed.length} of ${keys.length} keys were not deleted, the first is ${first.Key ?? '?'}: ${first.Message ?? first.Code ?? ''}`), { name: first.Code ?? '' });
    throw error;
  }

  async #deleteEach(keys: readonly string[]): Promise<void> {
    const queue = [...keys];
    const worker = async (): Promise<void> => {
      for (let key = queue.shift(); key !== undefined; key = queue.shift()) await this.#client.send(new DeleteObjectCommand(this.#object(key)));
    };
    await Promise.all(Array.from({ length: 8 }, worker));
  }

  #object(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  /** Computed here by native code, so that the SDK's own is not run. Naming the algorithm matters: without it Ceph does not look at the value. */
  async #checksum(body: Buffer): Promise<{ readonly ChecksumAlgorithm: 'CRC32C'; readonly ChecksumCRC32C: string } | { readonly ContentMD5: string }> {
    if (this.#settings.checksum === 'md5') return { ContentMD5: (await digest('md5', body, this.#ports.clock)).toString('base64') };
    return { ChecksumAlgorithm: 'CRC32C', ChecksumCRC32C: crc32cText(body) };
  }

  /** The last resort of proof: the reply said nothing about the bytes. */
  async #readBack(call: StoreCall, buffers: readonly Buffer[]): Promise<void> {
    const there = await this.get(call.key);
    if (!there.equals(joined(buffers))) throw checksumRefused(call, new Error('what was read back differs'));
  }

  #call(operation: StoreOperation, key: string): StoreCall {
    if (this.#closed) throw new HoldfastError('closed', `${this.description} is closed`, { code: 'store-closed' });
    return { store: this.description, operation, key };
  }
}

/** As one, without holding up the event loop for long. */
async function joinedInTurns(buffers: readonly Buffer[], clock: Clock): Promise<Buffer> {
  const [only] = buffers;
  if (buffers.length === 1 && only !== undefined) return only;
  const body = Buffer.allocUnsafeSlow(buffers.reduce((sum, buffer) => sum + buffer.length, 0));
  let end = 0;
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.length; at += copyBytesPerTurn) {
      if (end > 0) await clock.turn();
      end += buffer.copy(body, end, at, at + copyBytesPerTurn);
    }
  }
  return body;
}

function joined(buffers: readonly Buffer[]): Buffer {
  const [only] = buffers;
  return buffers.length === 1 && only !== undefined ? only : Buffer.concat(buffers);
}

/** Pieces of `partBytes` (the last may be shorter) over the concatenation, copying only where a piece spans buffers. */
function* cut(buffers: readonly Buffer[], partBytes: number): Iterable<Buffer> {
  let pieces: Buffer[] = [];
  let room = partBytes;
  for (const buffer of buffers) {
    for (let offset = 0; offset < buffer.length; ) {
      const piece = buffer.subarray(offset, offset + room);
      pieces.push(piece);
      offset += piece.length;
      room -= piece.length;
      if (room > 0) continue;
      yield joined(pieces);
      pieces = [];
      room = partBytes;
    }
  }
  if (pieces.length > 0) yield joined(pieces);
}

/** Copies as the pieces come, not all at the end. More or less than `expected` comes out as another length. */
async function received(body: AsyncIterable<Buffer>, expected: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(expected);
  let length = 0;
  for await (const piece of body) {
    piece.copy(bytes, length);
    length += piece.length;
  }
  return length <= expected ? bytes.subarray(0, length) : Buffer.concat([bytes, Buffer.alloc(length - expected)]);
}
