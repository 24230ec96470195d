// What makes an upload count: the store's reply must show that exactly our bytes arrived. A status 200 alone proves nothing
// (a web proxy gives one too). Hashes are made in slices with turns of the event loop between them.
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { crc32c } from '../native/checksum.js';
import { checksumRefused, type StoreCall, storeUnavailable } from './store-errors.js';

/** About 1 ms of hashing. */
const sliceBytes = 1024 * 1024;

export async function digest(algorithm: 'md5' | 'sha256', body: Buffer, clock: Clock): Promise<Buffer> {
  const hash = createHash(algorithm);
  for (let at = 0; at < body.length; at += sliceBytes) {
    if (at > 0) await clock.turn();
    hash.update(body.subarray(at, at + sliceBytes));
  }
  return hash.digest();
}

/** As S3 writes it: base64 of the big-endian value. */
export function crc32cText(body: Buffer): string {
  const value = Buffer.allocUnsafe(4);
  value.writeUInt32BE(crc32c(body));
  return value.toString('base64');
}

export interface UploadReply {
  readonly ETag?: string | undefined;
  readonly ChecksumCRC32C?: string | undefined;
}

/**
 * true: the reply proves that the store holds `body` (the CRC32C it echoes, else an ETag that is the MD5, as for objects that the
 * store does not encrypt with keys of its own). false: it says nothing, read back. Throws 'corrupt' (store-checksum) when it proves
 * the contrary, 'unavailable' when it is no reply of an S3 store.
 */
export async function provesUpload(reply: UploadReply, body: Buffer, call: StoreCall, clock: Clock): Promise<boolean> {
  if (reply.ETag === undefined) throw storeUnavailable(call, new Error('the reply has no ETag: something that is no S3 store has answered'));
  if (reply.ChecksumCRC32C !== undefined) {
    if (reply.ChecksumCRC32C === crc32cText(body)) return true;
    throw checksumRefused(call, new Error(`the store computed CRC32C ${reply.ChecksumCRC32C}`));
  }
  const tag = /^"?([0-9a-f]{32})"?$/.exec(reply.ETag)?.[1];
  return tag !== undefined && tag === (await digest('md5', body, clock)).toString('hex');
}
