// The worker thread behind isSound(): reads one database file and says whether it is in order.
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.js';
import { skeletonIsSound } from './skeleton.js';

const port = parentPort;
assert(port !== null, 'soundness-worker runs as a worker thread');
const { path } = workerData as { readonly path: string }; // given by soundness.ts
port.postMessage(skeletonIsSound(path));
