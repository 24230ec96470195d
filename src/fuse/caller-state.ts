// What a request does not say about its caller: /proc does. Is it dying? The kernel says INTERRUPT for every signal, and once only; programs do not expect EINTR from
// files, so only a caller that cannot see it any more gets one. A fatal signal puts SIGKILL into each thread's pending set.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Caller } from '../filesystem/contract.js';

const sigkillBit = 0x100n;

/** Never rejects. A caller that is gone or not visible (pid 0: another namespace) counts as dying. */
export async function isDying(pid: number): Promise<boolean> {
  if (pid === 0) return true;
  try {
    const status = await readFile(`/proc/${pid}/status`, 'latin1');
    const pending = /^SigPnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
    return pending === undefined || (BigInt(`0x${pending}`) & sigkillBit) !== 0n;
  } catch (error) {
    // No such process (or no /proc to ask): nobody is left who could be surprised. Too few descriptors to ask say nothing.
    const { code } = error as NodeJS.ErrnoException; // of reading a file
    return code !== 'EMFILE' && code !== 'ENFILE';
  }
}

/** By its own group or by a supplementary one. Never throws; where /proc does not say (the caller is gone, or in another namespace), it is not. */
export function isInGroup({ gid: own, pid }: Caller, gid: number): boolean {
  if (own === gid) return true;
  if (pid === 0) return false;
  try {
    // At once: the answer belongs to one change, and what is read waits for nobody.
    const groups = /^Groups:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '';
    return groups.trim().split(/\s+/).includes(`${gid}`);
  } catch {
    return false;
  }
}
