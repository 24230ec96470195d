// Every function of the addon refuses what it cannot use with an error: no crash, no access beyond what it was given, whatever
// the arguments are. What was found once has a test of its own. `make test-asan` runs this with the checks of a sanitizer.
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SeededRandom } from '../../../src/base/random.js';
import { addon } from '../../../src/native/addon.js';
import { fuzzRequests, fuzzSeed } from '../fuse/random-requests.js';
import { arrayWithGetter, hostileValue } from './hostile-values.js';

/** The addon as somebody sees it who knows nothing of its types. */
const raw = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
const call = (name: string, ...args: unknown[]): unknown => raw[name]?.(...args);

let folder: string;
/** Outcome of each finished job by its token: error, step, result. */
const outcomes = new Map<number, readonly unknown[]>();
const listen = (batch: readonly unknown[]): void => {
  for (let at = 0; at < batch.length; at += 4) {
    const token = batch[at] as number; // see Batch
    assert.ok(!outcomes.has(token), `job ${token} finished twice`);
    outcomes.set(token, batch.slice(at + 1, at + 4));
  }
};
let lastToken = 0;
const token = (): number => ++lastToken;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-hostile-'));
  addon.ioListen(listen);
  addon.computeListen(listen);
});
after(() => rmSync(folder, { recursive: true }));

async function finished(tokens: readonly number[]): Promise<void> {
  const until = performance.now() + 60_000;
  while (tokens.some((one) => !outcomes.has(one))) {
    assert.ok(performance.now() < until, 'every job finishes');
    await turn();
  }
}

async function outcome(start: (job: number) => void): Promise<readonly unknown[]> {
  const job = token();
  start(job);
  await finished([job]);
  return outcomes.get(job) ?? [];
}

async function openDisk(): Promise<number> {
  const disk = addon.diskStart();
  assert.equal((await outcome((job) => addon.diskOpen(disk, job, folder)))[0], 0);
  return disk;
}

test('a listener that is no function is refused and the one before stays', async () => {
  for (const wrong of [undefined, null, 5, 'text', {}, []]) {
    assert.throws(() => call('ioListen', wrong), /function is expected/);
    assert.throws(() => call('computeListen', wrong), /function is expected/);
  }
  const data = Buffer.from('still heard');
  assert.equal((await outcome((job) => addon.compressJob(job, [data])))[0], 0);
});

test('an array whose getter throws or detaches what was read before is no way into freed memory', async () => {
  const disk = await openDisk();
  const thrower = arrayWithGetter([Buffer.alloc(4096)], 1, () => {
    throw new Error('a getter threw');
  });
  assert.throws(() => call('diskCreate', disk, token(), 'thrower', thrower), /a getter threw/);
  assert.throws(() => call('compress', thrower), /a getter threw/);
  const first = new Uint8Array(1 << 20).fill(7);
  const detacher = arrayWithGetter([first], 1, () => {
    structuredClone(first.buffer, { transfer: [first.buffer] });
    return Buffer.from('second');
  });
  assert.equal((await outcome((job) => call('diskCreate', disk, job, 'detached', detacher)))[0], 0);
  const [, , bytes] = await outcome((job) => addon.diskReadAll(disk, job, 'detached', 1 << 20));
  assert.equal(String(bytes), 'second', 'what was gone is not written');
  addon.diskStop(disk, 0);
});

test('a disk that is stopped while its arguments are read is not used any more', async () => {
  const disk = await openDisk();
  const stopper = arrayWithGetter([], 0, () => {
    addon.diskStop(disk, 0);
    return Buffer.from('x');
  });
  assert.throws(() => call('diskCreate', disk, token(), 'stopped', stopper), /no such disk/);
  assert.throws(() => call('diskSize', disk, token(), 'stopped'), /no such disk/);
});

test('an array longer than anything needs is refused before memory is taken for it', async () => {
  const disk = await openDisk();
  for (const length of [2 ** 31 - 1, 2 ** 32 - 1]) {
    assert.throws(() => call('diskCreate', disk, token(), 'long', new Array(length)), /too long/);
    assert.throws(() => call('compress', new Array(length)), /too long/);
    assert.throws(() => call('encode', new Array(length), [], [], []), /too long/);
  }
  addon.diskStop(disk, 0);
});

test('a log belongs to its disk and goes with it', async () => {
  const [one, other] = [await openDisk(), await openDisk()];
  const [, , log] = await outcome((job) => addon.diskOpenLog(one, job, 'log', 65_536));
  assert.throws(() => call('diskLogWrite', other, token(), log, 0, [Buffer.alloc(4096)]), /no such log/);
  addon.diskStop(one, 0);
  for (const name of ['diskLogSync', 'diskLogClose']) assert.throws(() => call(name, other, token(), log), /no such log/);
  // Opened while the disk is being stopped: what comes of it names no log.
  const third = await openDisk();
  const job = token();
  addon.diskOpenLog(third, job, 'late', 65_536);
  addon.diskStop(third, 0);
  for (let i = 0; i < 50; i++) await turn();
  const late = outcomes.get(job);
  if (late !== undefined) assert.notEqual(late[0], 0);
  addon.diskStop(other, 0);
});

test('no path leads out of the directory of a disk', async () => {
  const inner = join(folder, 'inner');
  const outside = join(folder, 'outside');
  writeFileSync(outside, 'secret');
  const disk = addon.diskStart();
  rmSync(inner, { recursive: true, force: true });
  const outer = await openDisk();
  assert.equal((await outcome((job) => addon.diskCreate(outer, job, 'inner/x/file', [Buffer.from('x')])))[0], 0);
  assert.equal((await outcome((job) => addon.diskOpen(disk, job, inner)))[0], 0);
  for (const path of ['../outside', 'x/../../outside', '..', '.', './file']) {
    assert.equal((await outcome((job) => addon.diskReadAll(disk, job, path, 100)))[0], 22, path);
    assert.equal((await outcome((job) => addon.diskRemove(disk, job, path)))[0], 22, path);
    assert.notEqual((await outcome((job) => addon.diskReplace(disk, job, path, [Buffer.from('y')])))[0], 0, path);
    assert.equal((await outcome((job) => addon.diskList(disk, job, path)))[0], 22, path);
  }
  assert.ok(readdirSync(folder).includes('outside'));
  for (const name of ['diskCreate', 'diskReadAll']) assert.throws(() => call(name, disk, token(), 'd/'.repeat(3_000), []), /too long/);
  for (const number of [disk, outer]) addon.diskStop(number, 0);
});

test('the channel wants functions, new, and a device; its memory outlives a transfer of the ArrayBuffer', (t) => {
  const ends = addon.socketPair();
  assert.ok(Array.isArray(ends));
  const [device, kernel] = ends;
  const Construct = addon.FuseChannel as unknown as new (...args: unknown[]) => unknown;
  for (const wrong of [null, 5, {}]) {
    assert.throws(() => new Construct(device, 1, wrong, () => {}), /function is expected/);
    assert.throws(() => new Construct(device, 1, () => {}, wrong), /function is expected/);
  }
  assert.throws(() => call('FuseChannel', device, 1, () => false, () => {}), /new is wanted|without 'new'/);
  for (const wrong of [-1, Number.NaN, 2 ** 32 - 1, 1e9, 'x']) assert.throws(() => new Construct(wrong, 1, () => false, () => {}));
  for (const wrong of [0, -1, 1025, Number.NaN]) assert.throws(() => new Construct(device, wrong, () => false, () => {}));
  const channel = new addon.FuseChannel(device, 1, () => false, () => {});
  t.after(() => channel.close());
  assert.throws(() => addon.FuseChannel.prototype.reply.call({} as never, 0), /not a FuseChannel|Illegal invocation/);
  for (const name of ['slots', 'replyArea'] as const) {
    const area = channel[name] as ArrayBuffer & { transfer?: () => ArrayBuffer };
    try {
      // Where the runtime lets it go (Node 22), the channel goes on with memory of its own.
      area.transfer?.();
    } catch {
      // and where it does not, all the better
    }
  }
  assert.equal(channel.reply(16), 0);
  channel.close();
  closeSync(kernel);
});

test('strings for mount(2) have no NUL in them, and numbers for it are numbers', () => {
  for (const name of ['fuseMount', 'fuseUnmount', 'fuseRemount']) {
    assert.throws(() => call(name, 'a\0b', 0, 0, 0, 0), /NUL|string is wanted|number is expected/);
    assert.throws(() => call(name, '/no-such-name-of-holdfast', 'x', 'y', Number.NaN, 'z'));
    assert.throws(() => call(name));
  }
  assert.throws(() => call('fuseMount', '/no-such-name-of-holdfast', 'a\0b', 'fuse', 0, ''), /NUL/);
  for (const wrong of [undefined, 'x', -1, Number.NaN, 2 ** 32]) assert.throws(() => call('receiveDevice', wrong));
  assert.equal(call('receiveDevice', 2 ** 32 - 1), -9);
});

// ---- random ---------------------------------------------------------------------------------

type Maker = (random: SeededRandom) => unknown;
let disks: number[] = [];
let logs: unknown[] = [];
const bytesOf: Maker = (random) => random.below(70_000);
const path: Maker = (random) => ['f', 'g', 'd/f', 'd/e/f', 'nothing'][random.below(5)];
const buffer: Maker = (random) => Buffer.alloc(4096 * random.below(20), random.below(256));
const cells: Maker = (random) => Buffer.alloc(4096 * (1 + random.below(3)), random.below(256));
const list =
  (make: Maker, most: number): Maker =>
  (random) =>
    Array.from({ length: random.below(most) }, () => make(random));
const u32: Maker = (random) => random.u32();
const small: Maker = (random) => random.below(36);
const disk: Maker = (random) => disks[random.below(disks.length)];
const log: Maker = (random) => logs[random.below(logs.length)];
/** A zstd frame of 5,000 bytes, mostly with damage. */
const frame: Maker = (random) => {
  const text = Buffer.alloc(5000, random.bytes(1 + random.below(40)));
  if (random.below(3) === 0) random.bytes(3000).copy(text, random.below(2000));
  const packed = addon.compress([text])[1][1] ?? Buffer.alloc(0);
  for (let damage = random.below(4); damage > 0; damage--) packed[random.below(packed.length)] = random.below(256);
  return random.below(8) === 0 ? packed.subarray(0, random.below(packed.length)) : packed;
};
const aToken: Maker = () => token();

/** What each function is given when nobody is hostile. */
const signatures: Readonly<Record<string, readonly Maker[]>> = {
  crc32c: [buffer, u32],
  verifyCells: [cells, (random) => Buffer.alloc(4 * (1 + random.below(3))), u32, u32],
  alignedBuffer: [bytesOf],
  encode: [list(cells, 5), list(cells, 4), list((random) => Buffer.alloc(4 * (1 + random.below(3))), 9), list(u32, 9)],
  decode: [list(small, 5), list(cells, 5), list(small, 4), list(cells, 4)],
  compress: [list(buffer, 5)],
  decompress: [frame, (random) => Buffer.alloc(random.below(4) === 0 ? random.below(9000) : 5000)],
  encodeJob: [aToken, list(cells, 5), list(cells, 4), list((random) => Buffer.alloc(4 * (1 + random.below(3))), 9), list(u32, 9)],
  decodeJob: [aToken, list(small, 5), list(cells, 5), list(small, 4), list(cells, 4)],
  compressJob: [aToken, list(buffer, 5)],
  decompressJob: [aToken, frame, (random) => Buffer.alloc(random.below(4) === 0 ? random.below(9000) : 5000)],
  diskCreate: [disk, aToken, path, list(buffer, 5)],
  diskReplace: [disk, aToken, path, list(buffer, 5)],
  diskOpenLog: [disk, aToken, path, bytesOf],
  diskLogWrite: [disk, aToken, log, (random) => 4096 * random.below(20), list(buffer, 5)],
  diskLogSync: [disk, aToken, log],
  diskLogClose: [disk, aToken, log],
  diskRead: [disk, aToken, path, bytesOf, buffer],
  diskReadAll: [disk, aToken, path, bytesOf],
  diskReadCells: [disk, aToken, path, bytesOf, bytesOf, small, (random) => 1 + random.below(3), u32, cells],
  diskRemove: [disk, aToken, path],
  diskList: [disk, aToken, (random) => ['', 'd', 'f', 'nothing'][random.below(4)]],
  diskSize: [disk, aToken, path],
  diskNextData: [disk, aToken, path, bytesOf],
  diskUncache: [disk, aToken, path],
  diskSpace: [disk, aToken],
  diskCounters: [disk, () => 0],
};
const names = Object.keys(signatures);

/** Sizes that a filesystem would really set aside for a log are none of these. */
const modest = (name: string, at: number, value: unknown): boolean => name !== 'diskOpenLog' || at !== 3 || typeof value !== 'number' || !(value > 1e6 && value < 2 ** 50);

function argumentsOf(name: string, random: SeededRandom): readonly unknown[] {
  const wrongAt = random.below(3) === 0 ? -1 : random.below(12);
  const args = (signatures[name] ?? []).map((make, at) => {
    const value = at === wrongAt || random.below(40) === 0 ? hostileValue(random) : make(random);
    return modest(name, at, value) ? value : 1;
  });
  return random.below(30) === 0 ? args.slice(0, random.below(args.length)) : args;
}

/** Calls it; the token of the job that was started, if one was. */
function attempt(name: string, args: readonly unknown[]): number | null {
  try {
    call(name, ...args);
  } catch (error) {
    assert.ok(error instanceof Error && !/assert/i.test(error.name), `${name}: ${String(error)}`);
    return null;
  }
  const at = name.startsWith('disk') ? 1 : 0;
  const isJob = name.endsWith('Job') || (name.startsWith('disk') && name !== 'diskCounters');
  return isJob && typeof args[at] === 'number' && Number.isInteger(args[at]) ? args[at] : null;
}

const count = Math.ceil(fuzzRequests * 0.02);
test(`${count} calls with arguments of every kind (seed ${fuzzSeed}): each throws, or answers once`, async () => {
  const random = new SeededRandom(fuzzSeed);
  disks = [await openDisk(), await openDisk()];
  logs = [];
  const tally = { refused: 0, done: 0, failed: 0 };
  for (let i = 0; i < count; ) {
    const started: number[] = [];
    for (let of = 0; of < 50 && i < count; of++, i++) {
      const name = names[random.below(names.length)] ?? '';
      const job = attempt(name, argumentsOf(name, random));
      // Two with one token cannot be told apart.
      if (job === null) tally.refused++;
      else if (!started.includes(job)) started.push(job);
    }
    await finished(started);
    for (const job of started) {
      const [error, step, result] = outcomes.get(job) ?? [];
      if (error === 0) tally.done++;
      else tally.failed++;
      if (error === 0 && step === '' && typeof result === 'number' && logs.length < 8) logs.push(result);
    }
    outcomes.clear();
  }
  for (const number of disks) addon.diskStop(number, 0);
  assert.ok(tally.done > count / 10 && tally.refused > count / 10 && tally.failed > count / 50, JSON.stringify(tally));
});
