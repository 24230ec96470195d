// The worker thread behind a CheckpointThread: answers its requests one after the other with a WalCheckpointer.
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.js';
import { messageOf } from '../base/errors.js';
import type { WorkerAnswer, WorkerRequest } from './checkpoint-thread.js';
import { WalCheckpointer } from './wal-checkpointer.js';

const port = parentPort;
assert(port !== null, 'image-worker runs as a worker thread');
const { path } = workerData as { readonly path: string }; // given by checkpoint-thread.ts
const checkpointer = new WalCheckpointer(path);

port.on('message', (request: WorkerRequest) => {
  port.postMessage(answer(request));
  if (request === 'close') port.close();
});

function answer(request: WorkerRequest): WorkerAnswer {
  try {
    if (typeof request === 'object') return { messages: checkpointer.integrity(request.integrity) };
    if (request === 'passive') return { chunks: [...checkpointer.passive()] };
    if (request === 'truncate') return { chunks: [...checkpointer.truncate()] };
    checkpointer.close();
    return {};
  } catch (error) {
    return { error: messageOf(error) };
  }
}
