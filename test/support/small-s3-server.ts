// The part of S3 that the backup uses, answered from any object store: lets the S3 adapter be tested without a server to install.
// Path-style only; checks CRC32C and MD5 of what arrives (a fake that does not would hide our mistakes), knows no signatures.
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isErrorOf } from '../../src/base/errors.js';
import { crc32c } from '../../src/native/checksum.js';
import type { ObjectStore } from '../../src/objectstore/object-store.js';

export interface S3Request {
  readonly method: string;
  readonly bucket: string;
  /** '' for requests about the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface S3Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function s3Request(method: string, url: string, headers: IncomingHttpHeaders, body: Buffer): S3Request {
  const parsed = new URL(url, 'http://localhost');
  const [bucket = '', ...rest] = parsed.pathname.slice(1).split('/').map(decodeURIComponent);
  return { method, bucket, key: rest.join('/'), query: parsed.searchParams, headers, body };
}

export function reply(status: number, body: string | Buffer = '', headers: Readonly<Record<string, string>> = {}): S3Reply {
  return { status, headers, body: Buffer.from(body) };
}

export function errorReply(status: number, code: string, message: string): S3Reply {
  return reply(status, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`, { 'content-type': 'application/xml' });
}

export class SmallS3 {
  readonly #store: ObjectStore;
  readonly #buckets = new Set<string>();
  readonly #uploads = new Map<string, Map<number, Buffer>>();
  readonly #pageKeys: number;
  #uploadCount = 0;

  /** How replies to uploads prove that the bytes arrived: S3's own CRC32C, an ETag that is the MD5, or not at all. */
  proof: 'echo' | 'md5' | 'none' = 'echo';
  /** Stores that do not look at checksums exist. */
  checks = true;

  /** Small pages make the listing of few keys take several. */
  constructor(store: ObjectStore, pageKeys = 5) {
    this.#store = store;
    this.#pageKeys = pageKeys;
  }

  async answer(request: S3Request): Promise<S3Reply> {
    try {
      if (request.key === '') return await this.#bucket(request);
      if (!this.#buckets.has(request.bucket)) return errorReply(404, 'NoSuchBucket', 'no such bucket');
      return await this.#object(request);
    } catch (error) {
      if (isErrorOf(error, 'missing')) return errorReply(404, 'NoSuchKey', 'no such key');
      if (isErrorOf(error, 'conflict')) return errorReply(412, 'PreconditionFailed', 'it exists');
      if (isErrorOf(error, 'full')) return errorReply(507, 'InsufficientStorage', 'no space');
      if (isErrorOf(error, 'corrupt')) return errorReply(416, 'InvalidRange', 'out of range');
      throw error;
    }
  }

  async #bucket({ method, bucket, query, body }: S3Request): Promise<S3Reply> {
    if (method === 'PUT') {
      this.#buckets.add(bucket);
      return reply(200);
    }
    if (!this.#buckets.has(bucket)) return errorReply(404, 'NoSuchBucket', 'no such bucket');
    if (method === 'GET') return this.#list(bucket, query);
    if (method === 'POST' && query.has('delete')) {
      const keys = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => `${bucket}/${match[1] ?? ''}`);
      await this.#store.delete(keys);
      return reply(200, '<DeleteResult></DeleteResult>');
    }
    return errorReply(501, 'NotImplemented', `${method} of a bucket`);
  }

  async #list(bucket: string, query: URLSearchParams): Promise<S3Reply> {
    const prefix = `${bucket}/${query.get('prefix') ?? ''}`;
    const after = query.get('continuation-token') ?? query.get('start-after');
    const entries: string[] = [];
    let last = '';
    for await (const { key, bytes } of this.#store.list(prefix, after === null ? undefined : `${bucket}/${after}`)) {
      if (entries.length === this.#pageKeys) return reply(200, page(entries, `<IsTruncated>true</IsTruncated><NextContinuationToken>${last}</NextContinuationToken>`));
      last = key.slice(bucket.length + 1);
      entries.push(`<Contents><Key>${last}</Key><Size>${bytes}</Size></Contents>`);
    }
    return reply(200, page(entries, '<IsTruncated>false</IsTruncated>'));
  }

  async #object(request: S3Request): Promise<S3Reply> {
    const { method, query } = request;
    const key = `${request.bucket}/${request.key}`;
    const ifAbsent = request.headers['if-none-match'] === '*';
    const uploadId = query.get('uploadId');
    if (method === 'POST' && query.has('uploads')) {
      const id = `upload-${++this.#uploadCount}`;
      this.#uploads.set(id, new Map());
      return reply(200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    if (uploadId !== null) return this.#part(request, key, uploadId, ifAbsent);
    switch (method) {
      case 'PUT': {
        const bad = this.checks ? checksumProblem(request) : null;
        if (bad !== null) return bad;
        await this.#store.put(key, [request.body], { ifAbsent });
        return this.#uploaded(request.body);
      }
      case 'DELETE':
        await this.#store.delete([key]);
        return reply(204);
      case 'HEAD': {
        const info = await this.#store.head(key);
        return info === null ? reply(404) : reply(200, '', { 'content-length': String(info.bytes), etag: '"x"' });
      }
      case 'GET':
        return this.#get(key, request.headers.range);
      default:
        return errorReply(501, 'NotImplemented', `${method} of an object`);
    }
  }

  async #get(key: string, range: string | undefined): Promise<S3Reply> {
    const match = /^bytes=(\d+)-(\d+)$/.exec(range ?? '');
    if (match === null) return reply(200, await this.#store.get(key), { etag: '"x"' });
    const [first, last] = [Number(match[1]), Number(match[2])];
    const body = await this.#store.get(key, { offset: first, length: last - first + 1 });
    return reply(206, body, { 'content-range': `bytes ${first}-${first + body.length - 1}/*`, etag: '"x"' });
  }

  async #part(request: S3Request, key: string, uploadId: string, ifAbsent: boolean): Promise<S3Reply> {
    const parts = this.#uploads.get(uploadId);
    if (parts === undefined) return errorReply(404, 'NoSuchUpload', 'no such upload');
    if (request.method === 'PUT') {
      const bad = this.checks ? checksumProblem(request) : null;
      if (bad !== null) return bad;
      parts.set(Number(request.query.get('partNumber')), request.body);
      return this.#uploaded(request.body);
    }
    this.#uploads.delete(uploadId);
    if (request.method === 'DELETE') return reply(204);
    const numbers = [...request.body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map((match) => Number(match[1]));
    await this.#store.put(
      key,
      numbers.map((number) => parts.get(number) ?? Buffer.alloc(0)),
      { ifAbsent },
    );
    return reply(200, '<CompleteMultipartUploadResult><ETag>"x-1"</ETag></CompleteMultipartUploadResult>');
  }

  #uploaded(body: Buffer): S3Reply {
    const etag = this.proof === 'md5' ? `"${createHash('md5').update(body).digest('hex')}"` : '"of-our-own"';
    return reply(200, '', this.proof === 'echo' ? { etag, 'x-amz-checksum-crc32c': crcText(body) } : { etag });
  }

  /** Uploads in parts that were neither completed nor aborted. */
  get openUploads(): number {
    return this.#uploads.size;
  }
}

function page(entries: readonly string[], tail: string): string {
  return `<?xml version="1.0"?><ListBucketResult>${entries.join('')}${tail}</ListBucketResult>`;
}

function crcText(body: Buffer): string {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32c(body));
  return value.toString('base64');
}

function checksumProblem({ headers, body }: S3Request): S3Reply | null {
  const expected = headers['x-amz-checksum-crc32c'];
  if (expected !== undefined && expected !== crcText(body)) return errorReply(400, 'BadDigest', 'the CRC32C does not match');
  const md5 = headers['content-md5'];
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64')) return errorReply(400, 'BadDigest', 'the MD5 does not match');
  return expected === undefined && md5 === undefined ? errorReply(400, 'InvalidRequest', 'a checksum is missing') : null;
}
