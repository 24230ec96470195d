// The same requests through the native channel: written into a socket that stands for /dev/fuse, read into slots, answered from the
// reply area, and read by a second channel on the kernel's side. Run by `make test-asan` this is where the native part is fuzzed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { silentLogger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import { Dispatcher } from '../../../src/fuse/dispatcher.js';
import { defaultFuseSettings } from '../../../src/fuse/settings.js';
import { Channel, socketPair } from '../../../src/native/channel.js';
import { BoundedFileSystem } from './bounded-file-system.js';
import { HandClock, request as plainRequest } from './fake-port.js';
import { expectsAnswer, judge } from './kernel-judge.js';
import { fuzzRequests, fuzzSeed, randomRequest } from './random-requests.js';

/** What a socket holds of answers, with room for its own accounts. */
const batchBytesMax = 120_000;
const batchMax = 64;
const sentinel = plainRequest({ opcode: 17, unique: 2 ** 40 });

/** The daemon's side and the kernel's. */
class Wire {
  readonly answers: Buffer[] = [];
  readonly fatal: unknown[] = [];
  readonly daemon: Channel;
  readonly kernel: Channel;
  readonly #dispatcher: Dispatcher;

  constructor() {
    const [device, other] = socketPair();
    this.daemon = new Channel(device, 4, {
      request: (slot, offset, length) => this.#dispatcher.request(slot, offset, length),
      ended: () => {},
    });
    this.kernel = new Channel(other, 2, {
      request: (_slot, offset, length) => {
        this.answers.push(Buffer.from(this.kernel.requests.subarray(offset, offset + length)));
        return false;
      },
      ended: () => {},
    });
    this.#dispatcher = new Dispatcher(this.daemon, {
      fileSystem: new BoundedFileSystem(),
      settings: defaultFuseSettings,
      clock: new HandClock(),
      logger: silentLogger,
      onFatal: (error) => this.fatal.push(error),
      onInit: () => {},
      isDying: () => Promise.resolve(false),
    });
  }

  close(): void {
    this.daemon.close();
    this.kernel.close();
  }

  /** Sends all and waits until the last was answered. Requests are answered in their order. */
  async serve(batch: readonly Buffer[]): Promise<void> {
    this.answers.length = 0;
    this.fatal.length = 0;
    for (const request of [...batch, sentinel]) assert.equal(this.kernel.reply(0, request), 0, 'the socket takes it');
    const isLast = (answer: Buffer | undefined): boolean => answer !== undefined && answer.readBigUInt64LE(8) === sentinel.readBigUInt64LE(8);
    for (let turns = 0; !isLast(this.answers.at(-1)); turns++) {
      assert.ok(turns < 100_000, 'the last request was answered');
      await turn();
    }
    this.answers.pop();
  }
}

function nextBatch(random: SeededRandom, most: number): readonly Buffer[] {
  const batch: Buffer[] = [];
  for (let bytes = 0; bytes < batchBytesMax && batch.length < most; ) {
    const request = randomRequest(random);
    // A number of its own, as the kernel gives it, so that answers can be told apart.
    if (expectsAnswer(request) !== 'unusable') request.writeBigUInt64LE(BigInt(2 * batch.length + 2), 8);
    batch.push(request);
    // Answers are long only where the request says how long; so may be their place in the socket.
    const asked = request.length >= 60 ? Math.max(request.readUInt32LE(40), request.readUInt32LE(56)) : 0;
    bytes += request.length + 1_000 + Math.min(asked, 66_000);
  }
  return batch;
}

/** Every request has its answer, in order. */
function check(batch: readonly Buffer[], wire: Wire): void {
  const answers = [...wire.answers];
  for (const request of batch) {
    const expected = expectsAnswer(request);
    if (expected === 'unusable') assert.ok(wire.fatal.pop() !== undefined, 'what is no request at all is reported');
    const next = answers[0];
    // A silent operation may be refused when it is cut.
    const belongs = next !== undefined && expected !== 'unusable' && next.readBigUInt64LE(8) === request.readBigUInt64LE(8);
    if (expected === 'no' && (!belongs || next.readInt32LE(4) === 0)) continue;
    if (expected === 'unusable') continue;
    assert.ok(next !== undefined, `no answer to ${request.toString('hex')}`);
    judge(request, next);
    answers.shift();
  }
  assert.equal(answers.length, 0, 'no answer too many');
  assert.deepEqual(wire.fatal, []);
}

const count = Math.ceil(fuzzRequests * 0.4);
test(`${count} requests (seed ${fuzzSeed}) through the native channel are read and answered whole`, async (t) => {
  const random = new SeededRandom(fuzzSeed);
  let wire = new Wire();
  t.after(() => wire.close());
  let batches = 0;
  for (let done = 0; done < count; batches++) {
    if (batches % 500 === 499) {
      wire.close();
      wire = new Wire();
    }
    const batch = nextBatch(random, Math.min(batchMax, count - done));
    await wire.serve(batch);
    try {
      check(batch, wire);
    } catch (error) {
      throw new Error(`between requests ${done} and ${done + batch.length} of seed ${fuzzSeed}`, { cause: error });
    }
    done += batch.length;
  }
});
