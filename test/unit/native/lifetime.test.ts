// Memory and threads of the addon: nothing leaks, buffers outlive their jobs, and ending in the middle is orderly.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { alignedBuffer } from '../../../src/native/checksum.js';
import { DiskQueue } from '../../../src/native/disk-queue.js';
import { ThreadedCodec } from '../../../src/native/threaded-codec.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void; // what the flag gives

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-lifetime-'));
});
after(() => rm(folder, { recursive: true }));

async function memoryAfter(work: () => Promise<void>): Promise<number> {
  await work();
  collect();
  // External memory is released by finalizers, which run in later turns.
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  collect();
  return process.memoryUsage.rss();
}

const MiB = 1024 * 1024;

it('many jobs leave no memory behind', async () => {
  const codec = new ThreadedCodec();
  const queue = await DiskQueue.open(folder);
  await queue.create('read-me', [Buffer.alloc(MiB)]);
  const round = async (): Promise<void> => {
    for (let i = 0; i < 150; i++) {
      const data = [alignedBuffer(MiB), alignedBuffer(MiB)];
      const parity = [alignedBuffer(MiB)];
      const tables = [1, 2, 3].map(() => Buffer.alloc(1024));
      await codec.encode({ k: 2, data, parity, tables, seeds: [1, 2, 3] });
      await Promise.all([
        queue.readAll('read-me', MiB),
        queue.read('read-me', 0, alignedBuffer(MiB)),
        queue.list(''),
        queue.read('nothing', 0, Buffer.alloc(1)).catch(() => {}),
        codec.compress([Buffer.alloc(65_536, i), Buffer.alloc(65_536)]),
      ]);
    }
  };
  const first = await memoryAfter(round);
  const second = await memoryAfter(round);
  queue.stop();
  assert.ok(second - first < 40 * MiB, `grew by ${Math.round((second - first) / MiB)} MiB`);
});

it('buffers that only a job knows stay alive until it is done', async () => {
  const queue = await DiskQueue.open(folder);
  const jobs = Array.from({ length: 20 }, (_, i) => queue.create(`alive-${i}`, [Buffer.alloc(2 * MiB, i + 1)]));
  collect();
  await Promise.all(jobs);
  for (let i = 0; i < 20; i++) {
    const bytes = await queue.readAll(`alive-${i}`, 2 * MiB);
    assert.ok(bytes.equals(Buffer.alloc(2 * MiB, i + 1)));
  }
  queue.stop();
});

it('a worker that ends with jobs under way takes its threads with it', async () => {
  const queueUrl = new URL('../../../src/native/disk-queue.js', import.meta.url).href;
  const codecUrl = new URL('../../../src/native/threaded-codec.js', import.meta.url).href;
  const script = `
    const { parentPort, workerData } = require('node:worker_threads');
    (async () => {
      const { DiskQueue } = await import(${JSON.stringify(queueUrl)});
      const { ThreadedCodec } = await import(${JSON.stringify(codecUrl)});
      const queue = await DiskQueue.open(workerData.folder);
      const codec = new ThreadedCodec();
      for (let i = 0; i < 40; i++) {
        queue.create('worker-' + workerData.round + '-' + i, [Buffer.alloc(1 << 20, i)]).catch(() => {});
        codec.compress([Buffer.alloc(1 << 20, i)]).catch(() => {});
      }
      parentPort.postMessage('busy');
      if (workerData.round % 2 === 0) process.exit(0);
    })();`;
  const threads = async (): Promise<number> => (await import('node:fs')).readdirSync('/proc/self/task').length;
  const before = await threads();
  for (let round = 0; round < 4; round++) {
    const worker = new Worker(script, { eval: true, workerData: { folder, round } });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
  }
  assert.ok((await threads()) <= before, 'threads are gone');
});

it('a process with an idle disk ends by itself', async () => {
  const { spawn } = await import('node:child_process');
  const url = new URL('../../../src/native/disk-queue.js', import.meta.url).href;
  const script = `import { DiskQueue } from ${JSON.stringify(url)}; await DiskQueue.open(${JSON.stringify(folder)});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 0);
});
