// Whatever bytes come, the dispatcher gives exactly one answer that the kernel takes, or the documented silence, and nothing escapes.
// Documented silence: FORGET, BATCH_FORGET, INTERRUPT and NOTIFY_REPLY have no answer, and bytes too short for a header cannot have one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SeededRandom } from '../../../src/base/random.js';
import type { FileSystem } from '../../../src/filesystem/contract.js';
import { createFileSystem } from '../../../src/filesystem/filesystem.js';
import { defaultFileSystemOptions } from '../../../src/filesystem/options.js';
import { BoundedFileSystem } from './bounded-file-system.js';
import { MemoryVolume } from '../../support/memory-volume.js';
import { type Bench, bench } from './fake-port.js';
import { expectsAnswer, judge } from './kernel-judge.js';
import { fuzzRequests, fuzzSeed, randomRequest } from './random-requests.js';

interface Fuzzing {
  readonly count: number;
  /** A new world after so many, so that its tree stays small. */
  readonly requestsPerWorld: number;
  readonly fileSystem: () => FileSystem;
}

/** Gives how often each errno was answered. */
async function fuzz({ count, requestsPerWorld, fileSystem }: Fuzzing): Promise<ReadonlyMap<number, number>> {
  const random = new SeededRandom(fuzzSeed);
  const answered = new Map<number, number>();
  let world = bench(fileSystem());
  for (let i = 0; i < count; i++) {
    if (i % requestsPerWorld === 0) world = bench(fileSystem());
    const request = randomRequest(random);
    try {
      const errno = await serve(world, request);
      if (errno !== null) answered.set(errno, (answered.get(errno) ?? 0) + 1);
    } catch (error) {
      throw new Error(`request ${i} of seed ${fuzzSeed}: ${request.toString('hex')}`, { cause: error });
    }
  }
  return answered;
}

/** The errno, or null where silence is the answer. */
async function serve(world: Bench, request: Buffer): Promise<number | null> {
  const { port, fatal, send } = world;
  port.answers.length = 0;
  assert.equal(send(request), false, 'the slot is given back');
  const expected = expectsAnswer(request);
  // What waits (fsync) answers within a few turns.
  for (let turns = 0; expected === 'yes' && port.answers.length === 0 && turns < 10; turns++) await turn();
  if (expected === 'unusable') {
    assert.equal(fatal.length, 1, 'what is no request at all is reported');
    fatal.pop();
  }
  if (fatal.length > 0) throw fatal[0];
  assert.ok(port.answers.length <= 1, 'at most one answer');
  const answer = port.answers[0];
  if (answer === undefined) {
    assert.notEqual(expected, 'yes', 'no answer');
    return null;
  }
  assert.notEqual(expected, 'unusable', 'an answer to nobody');
  return judge(request, answer.whole);
}

function assertReached(answered: ReadonlyMap<number, number>, count: number): void {
  // The fuzzing reaches success and many kinds of refusal, not the first check only.
  assert.ok((answered.get(0) ?? 0) > count / 20, 'many succeed');
  assert.ok(answered.size > 8, `kinds of answers: ${[...answered.keys()].join(' ')}`);
}

const simple = Math.ceil(fuzzRequests * 0.4);
test(`${simple} random and mutated requests (seed ${fuzzSeed}) each get one valid answer or the documented silence`, async () => {
  assertReached(await fuzz({ count: simple, requestsPerWorld: 20_000, fileSystem: () => new BoundedFileSystem() }), simple);
});

const real = Math.ceil(fuzzRequests * 0.2);
test(`${real} requests to the real file system (seed ${fuzzSeed}), on a volume in memory`, async () => {
  // The kernel would not forget what it was not given.
  const fileSystem = (): FileSystem => Object.assign(createFileSystem(new MemoryVolume(), defaultFileSystemOptions), { forget: () => {} });
  assertReached(await fuzz({ count: real, requestsPerWorld: 1_000, fileSystem }), real);
});
