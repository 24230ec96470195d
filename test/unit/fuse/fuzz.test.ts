// Whatever bytes come, the dispatcher gives exactly one well-formed answer, or the documented silence, and nothing escapes.
// Documented silence: FORGET, BATCH_FORGET, INTERRUPT and NOTIFY_REPLY have no answer, and bytes too short for a header cannot have one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SeededRandom } from '../../../src/base/random.js';
import { Opcode } from '../../../src/fuse/protocol.js';
import { MemoryFileSystem } from '../../support/memory-file-system.js';
import { bench } from './fake-port.js';
import { goldenRequests } from './golden-messages.js';

const count = Number(process.env['HOLDFAST_FUZZ_COUNT'] ?? 200_000);
const seed = Number(process.env['HOLDFAST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const silent: readonly number[] = [Opcode.forget, Opcode.batchForget, Opcode.interrupt, Opcode.notifyReply];
const templates = Object.values(goldenRequests).map((hex) => Buffer.from(hex, 'hex'));
const edges = [0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 4096, 1 << 20, (1 << 20) + 1];

/** Does nothing that grows with a size in the request. */
class BoundedFileSystem extends MemoryFileSystem {
  override setattr: MemoryFileSystem['setattr'] = (caller, ino, set) => super.setattr(caller, ino, { ...set, size: Math.min(set.size ?? 0, 65_536) });
  override fallocate: MemoryFileSystem['fallocate'] = (ino, offset, length, mode) => super.fallocate(ino, Math.min(offset, 65_536), Math.min(length, 65_536), mode);
  override write: MemoryFileSystem['write'] = (ino, handle, offset, data, kill) => super.write(ino, handle, Math.min(offset, 65_536), data, kill);
  // The kernel would not forget what it was not given.
  override forget = () => {};
}

function randomRequest(random: SeededRandom): Buffer {
  if (random.below(20) === 0) return random.bytes(random.below(300));
  const bytes = Buffer.from(templates[random.below(templates.length)] as Buffer); // the index is in range
  // Mostly nodes that exist, so that more than ESTALE is reached.
  if (random.below(4) > 0) bytes.writeBigUInt64LE(BigInt(1 + random.below(4)), 16);
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(bytes.length);
    if (random.below(2) === 0) bytes[at] = random.below(256);
    else if (at + 4 <= bytes.length) bytes.writeUInt32LE((edges[random.below(edges.length)] ?? 0) >>> 0, at & ~3);
  }
  const length = random.below(3) === 0 ? random.below(bytes.length + 1) : bytes.length;
  const cut = random.below(10) === 0 ? Buffer.concat([bytes, random.bytes(random.below(64))]) : bytes.subarray(0, length);
  if (cut.length >= 4 && random.below(10) > 0) cut.writeUInt32LE(cut.length, 0);
  return cut;
}

test(`${count} random and mutated requests (seed ${seed}) each get one valid answer or the documented silence`, async () => {
  const random = new SeededRandom(seed);
  const answered = new Map<number, number>();
  let world = bench(new BoundedFileSystem());
  for (let i = 0; i < count; i++) {
    // A new world now and then, so that the tree stays small.
    if (i % 20_000 === 0) world = bench(new BoundedFileSystem());
    const request = randomRequest(random);
    const { port, fatal, send } = world;
    port.answers.length = 0;
    // The port checks each answer as the kernel does.
    assert.equal(send(request), false);
    assert.ok(port.answers.length <= 1, 'at most one answer');
    const where = `request ${i}: ${request.toString('hex')}`;
    const answer = port.answers[0];
    if (answer === undefined) {
      const usable = request.length >= 16 && request.readUInt32LE(12) < 2 ** 21;
      assert.ok(!usable || silent.includes(request.readUInt32LE(4)), `no answer to ${where}`);
      if (!usable) fatal.pop();
    } else {
      assert.equal(answer.whole.readBigUInt64LE(8), request.readBigUInt64LE(8), `answer to another request: ${where}`);
      answered.set(answer.errno, (answered.get(answer.errno) ?? 0) + 1);
    }
    assert.deepEqual(fatal, [], where);
    if (i % 10_000 === 0) await turn();
  }
  // The fuzzing reaches success and many kinds of refusal, not the first check only.
  assert.ok((answered.get(0) ?? 0) > count / 20, 'many succeed');
  assert.ok(answered.size > 8, `kinds of answers: ${[...answered.keys()].join(' ')}`);
});
