// What a change does to the room of the volume: what admission is asked before it is made.
import { FALLOC_FL_PUNCH_HOLE } from '../filesystem/posix.js';
import type { FileCall } from './call.js';

/** The change gives room back, soon or late: it goes on when the volume is so full that others are refused. */
export function freesRoom(call: FileCall): boolean {
  switch (call.op) {
    case 'unlink':
    case 'rmdir':
    case 'open':
      return true;
    case 'setattr':
      return call.set.size !== undefined;
    case 'fallocate':
      return (call.mode & FALLOC_FL_PUNCH_HOLE) !== 0;
    default:
      return false;
  }
}

/** Bytes of data that the change adds: what admission is asked for. */
export function addedBytes(call: FileCall): number {
  return call.op === 'write' ? call.data.length : 0;
}
