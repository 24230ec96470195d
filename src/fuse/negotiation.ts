// INIT: what the kernel offers and what is taken of it. A kernel that speaks a newer major version asks again with ours.
import { requestBytesMax } from '../base/limits.js';
import type { ControlCall } from './call.js';
import { InitFlag, initOutBytes, protocolMajor, protocolMinor, protocolMinorMin } from './protocol.js';
import type { ReplyWriter } from './reply-writer.js';
import { backgroundCongested, backgroundRequestsMax, type FuseSettings } from './settings.js';

type InitCall = Extract<ControlCall, { readonly op: 'init' }>;

export type Negotiation = 'agreed' | 'ask-again' | 'too-old';

const pageBytes = 4096;

/**
 * Flags that are always wanted. Left out on purpose: locks (the kernel does them alone), AUTO_INVAL_DATA (our own mtime would empty
 * its cache), ASYNC_DIO (nobody could kill a process whose direct read waits: the kernel sends no INTERRUPT for it). With POSIX_ACL
 * inheritance is ours, so DONT_MASK goes with it: a default ACL stands in the place of the umask.
 */
const wanted =
  InitFlag.asyncRead |
  InitFlag.exportSupport |
  InitFlag.dontMask |
  InitFlag.posixAcl |
  InitFlag.bigWrites |
  InitFlag.doReaddirplus |
  InitFlag.readdirplusAuto |
  InitFlag.parallelDirectoryOperations |
  InitFlag.abortError |
  InitFlag.maxPages |
  InitFlag.cacheSymlinks |
  InitFlag.explicitInvalidation |
  InitFlag.handleKillPrivV2 |
  InitFlag.setxattrExtended;

export function negotiate(call: InitCall): Negotiation {
  if (call.major > protocolMajor) return 'ask-again';
  return call.major < protocolMajor || call.minor < protocolMinorMin || (call.flags & InitFlag.maxPages) === 0 ? 'too-old' : 'agreed';
}

/** Bytes of SETXATTR before the name, as agreed. */
export function setxattrBytesOf(call: InitCall): 8 | 16 {
  return (call.flags & InitFlag.setxattrExtended) === 0 ? 8 : 16;
}

/** The kernel opens and closes files alone: OPEN and CREATE are answered with ENOSYS, RELEASE never comes, truncation at open is a SETATTR. */
export function kernelOpens(call: InitCall, settings: FuseSettings): boolean {
  return !settings.tellsOpens && (call.flags & InitFlag.noOpenSupport) !== 0;
}

/** struct fuse_init_out. */
export function encodeInit(writer: ReplyWriter, call: InitCall, settings: FuseSettings): void {
  const opening = kernelOpens(call, settings) ? InitFlag.noOpenSupport : InitFlag.atomicTruncate;
  const flags = (wanted | opening | (settings.writebackCache ? InitFlag.writebackCache : 0)) & call.flags;
  const timeGranularityNs = 1;
  writer.u32(protocolMajor);
  writer.u32(protocolMinor);
  writer.u32(Math.min(call.readAheadBytesMax, requestBytesMax));
  writer.u32(flags >>> 0);
  writer.u32(backgroundRequestsMax | (backgroundCongested << 16));
  writer.u32(requestBytesMax);
  writer.u32(timeGranularityNs);
  // max_pages, and map_alignment 0.
  writer.u32(requestBytesMax / pageBytes);
  writer.zeros(initOutBytes - 32);
}

/** The answer to a newer major version: ours, and nothing else counts. */
export function encodeMajor(writer: ReplyWriter): void {
  writer.u32(protocolMajor);
  writer.zeros(initOutBytes - 4);
}
