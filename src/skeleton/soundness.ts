// Is the file of a database in order, page by page? Asked of one that nobody vouches for. A large one is read on a thread of its
// own, so that a mount can look at its journal meanwhile.
import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { skeletonIsSound } from './skeleton.js';

/** Below, starting a thread takes longer than reading the file. */
const threadFromBytes = 24 * 1024 * 1024;

/** `inline`: always on the caller's thread. Errors of any kind are the answer false: such a file is built anew. */
export async function isSound(path: string, inline: boolean): Promise<boolean> {
  if (inline || (await bytesOf(path)) < threadFromBytes) return skeletonIsSound(path);
  return (await askThread(path)) ?? skeletonIsSound(path);
}

async function bytesOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0; // no such file: skeletonIsSound() says so
  }
}

/** null: the thread ended without an answer. */
function askThread(path: string): Promise<boolean | null> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./soundness-worker.js', import.meta.url), { workerData: { path } });
    worker.once('message', (sound: boolean) => resolve(sound));
    worker.once('error', () => resolve(null));
    worker.once('exit', () => resolve(null));
  });
}
