// Requests for fuzzing: templates of every operation with fields, bytes, lengths and ends changed, spliced, or pure noise.
import type { SeededRandom } from '../../../src/base/random.js';
import { goldenRequests } from './golden-messages.js';

/** All fuzzers together make this many; each takes its share. */
export const fuzzRequests = Number(process.env['HOLDFAST_FUZZ_REQUESTS'] ?? 200_000);
export const fuzzSeed = Number(process.env['HOLDFAST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const headerBytes = 40;
const payloadBytesMax = 60_000;
const templates = Object.values(goldenRequests).map((hex) => Buffer.from(hex, 'hex'));
const edges = [0, 1, 2, 3, 7, 16, 255, 256, 4095, 4096, 65_536, 1 << 20, (1 << 20) + 1, 0x7fff_f000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const flags = [0o100, 0o1000, 0o2000, 0o200000, 0o4000000, 0o20200000, 0x1000_0000];

/** Always at least one byte; never longer than a slot. The ones that are nearly right outnumber the rest. */
export function randomRequest(random: SeededRandom): Buffer {
  const kind = random.below(100);
  if (kind < 4) return random.bytes(1 + random.below(300));
  let bytes = Buffer.from(pick(random, templates));
  if (kind < 10) bytes = Buffer.concat([bytes.subarray(0, random.below(bytes.length)), pick(random, templates).subarray(random.below(60))]);
  if (bytes.length < headerBytes) bytes = Buffer.concat([bytes, Buffer.alloc(headerBytes - bytes.length)]);
  // Mostly nodes that exist, so that more than ESTALE is reached; and handles that are open.
  if (random.below(4) > 0) bytes.writeBigUInt64LE(BigInt(1 + random.below(6)), 16);
  if (random.below(3) === 0 && bytes.length >= headerBytes + 8) bytes.writeBigUInt64LE(BigInt(random.below(12)), headerBytes);
  if (random.below(30) === 0) bytes.writeUInt32LE(random.below(80), 4);
  for (let changes = random.below(4); changes > 0; changes--) change(random, bytes);
  return withEnd(random, bytes);
}

function change(random: SeededRandom, bytes: Buffer): void {
  const at = random.below(bytes.length);
  const field = at & ~3;
  const how = random.below(8);
  if (how < 3) bytes[at] = random.below(256);
  else if (field + 4 > bytes.length) bytes[at] = 0;
  else if (how < 5) bytes.writeUInt32LE(pick(random, edges) >>> 0, field);
  else if (how < 6) bytes.writeUInt32LE((bytes.readUInt32LE(field) + random.below(5) - 2) >>> 0, field);
  else if (how < 7) bytes.writeUInt32LE(pick(random, flags) >>> 0, field);
  else bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
}

/** Cut, lengthened or as it is; the length in the header mostly says so, and for a WRITE the length in its body. */
function withEnd(random: SeededRandom, bytes: Buffer): Buffer {
  const how = random.below(20);
  let whole = bytes;
  if (how < 4) whole = bytes.subarray(0, 1 + random.below(bytes.length));
  else if (how < 6) whole = Buffer.concat([bytes, random.bytes(random.below(64))]);
  else if (how < 7) whole = Buffer.concat([bytes, Buffer.alloc(random.below(random.below(10) === 0 ? payloadBytesMax : 600), 0x61 + random.below(26))]);
  const opcode = whole.length >= 8 ? whole.readUInt32LE(4) : 0;
  if (opcode === 16 && whole.length >= headerBytes + 40 && random.below(4) > 0) whole.writeUInt32LE(whole.length - headerBytes - 40, headerBytes + 16);
  if (whole.length >= 4 && random.below(12) > 0) whole.writeUInt32LE(whole.length, 0);
  return whole;
}

function pick<Item>(random: SeededRandom, list: readonly Item[]): Item {
  return list[random.below(list.length)] as Item; // the index is in range
}
