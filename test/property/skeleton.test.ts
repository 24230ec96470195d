// Thousands of random records against plain maps: names, attributes, extents, live bytes, backlog; the check after each commit; what
// delta rows alone rebuild; and that commits at other places, or a reopened file, make no difference.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Sqlite } from '../../src/skeleton/sqlite.js';
import { asContentId, asIno, asLsn, asSegmentNumber, NO_LSN, ROOT_INO } from '../../src/base/ids.js';
import type { Ino } from '../../src/base/ids.js';
import { SeededRandom } from '../../src/base/random.js';
import type { FileRecord, JournalRecord } from '../../src/format/records.js';
import type { Skeleton } from '../../src/skeleton/contract.js';
import { decodeValue } from '../../src/skeleton/deltas.js';
import { findings, freshSkeleton, generation, pointAt, reopen } from '../unit/skeleton/fixture.js';
import { largest, place } from '../support/wide.js';
import { describe, Model, unit, unwritten } from './skeleton-model.js';
import type { ModelInode } from './skeleton-model.js';
import { entriesOf } from '../../src/skeleton/name-list.js';

const dir = mkdtempSync(join(tmpdir(), 'holdfast-skeleton-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** Files have a beginning, a part where numbers stop being exact, and an end that is the largest there is (in whole units). */
const unitsMax = largest / unit;
const regions = [0n, 2n ** 53n / unit - 30n, unitsMax - 60n];

const regular = (inode: ModelInode): boolean => (inode.mode & 0o170000) === 0o100000;
const directory = (inode: ModelInode): boolean => (inode.mode & 0o170000) === 0o040000;

/** Makes records that are right for the model's state. */
class Generator {
  readonly random: SeededRandom;
  readonly model: Model;
  readonly reapable: number[] = [];
  #second = 100;
  #nextIno = 2;
  #segment = 1;
  #fill = 0;

  constructor(random: SeededRandom, model: Model) {
    this.random = random;
    this.model = model;
  }

  time() {
    this.#second += 1;
    return { sec: this.#second, nsec: this.random.below(1_000_000_000) };
  }

  pick(filter: (inode: ModelInode) => boolean): ModelInode | undefined {
    const some = [...this.model.inodes.values()].filter((inode) => inode.names.size > 0 && filter(inode));
    return some[this.random.below(some.length)];
  }

  parent(): number {
    return this.random.below(2) === 0 ? ROOT_INO : (this.pick(directory)?.ino ?? ROOT_INO);
  }

  name(): string {
    return `n${this.random.below(12)}`;
  }

  next(): JournalRecord | null {
    const { random, model } = this;
    const kind = random.below(100);
    const file = this.pick(regular);
    const name = this.name();
    const parent = asIno(this.parent());
    const time = this.time();
    const bytes = Buffer.from(name);
    if (kind < 20) {
      if (model.holder(parent, name) !== undefined) return null;
      const mode = random.below(4) === 0 ? 0o040755 : 0o100644;
      const ino = asIno(this.#nextIno++);
      return { type: 'create', ino, content: asContentId(mode === 0o100644 ? ino : 0), parent, name: bytes, mode, uid: 1, gid: 1, rdev: 0, target: null, time };
    }
    if (kind === 20) {
      const ino = asIno(this.#nextIno++);
      return { type: 'temporary', ino, content: asContentId(ino), mode: 0o100600, uid: 2, gid: 2, time };
    }
    if (kind === 21) return this.adopt(parent, name);
    if (kind === 22 && file !== undefined) return this.share(file);
    if (kind < 28) return this.unlink();
    if (kind < 34) return this.rename(random.below(4) === 0);
    if (kind < 36 && this.reapable.length > 0) return { type: 'reap', ino: asIno(this.reapable[0] ?? 0), limit: 3 };
    if (file === undefined) return null;
    const ino = asIno(file.ino);
    if (kind < 40) return model.holder(parent, name) === undefined ? { type: 'link', ino, parent, name: bytes, time } : null;
    if (kind < 46) return { type: 'attribute', ino, mode: random.below(2) === 0 ? random.below(0o10000) : undefined, uid: random.below(9), mtime: random.below(2) === 0 ? time : undefined, ctime: time };
    if (kind < 52) return { type: 'xattr', ino, name: Buffer.from(`user.${random.below(3)}`), value: random.below(3) === 0 ? null : random.bytes(3).fill(0x61, 1), time };
    if (kind < 58) return { type: 'truncate', ino, size: place(this.units(40) * unit), time };
    if (kind < 63) return this.punch(ino);
    if (kind < 66) return this.preallocate(ino);
    return this.write(file);
  }

  /** A number of units, mostly a small one. */
  units(below: number): bigint {
    const region = regions[this.random.below(3) === 0 ? this.random.below(regions.length) : 0] ?? 0n;
    return region + BigInt(this.random.below(below));
  }

  punch(ino: Ino): JournalRecord {
    const offset = this.units(40);
    const length = this.random.below(8) === 0 ? unitsMax - offset : BigInt(1 + this.random.below(20));
    return { type: 'punch', ino, offset: place(offset * unit), length: place(length * unit), time: this.time() };
  }

  preallocate(ino: Ino): JournalRecord {
    const offset = this.units(40);
    return { type: 'preallocate', ino, offset: place(offset * unit), length: place(BigInt(1 + this.random.below(20)) * unit), time: this.time() };
  }

  write(file: ModelInode): JournalRecord {
    const length = (1 + this.random.below(8)) * Number(unit);
    if (this.#fill === 0 || this.#fill + length > 200 * Number(unit)) {
      this.#fill = 0.5; // opened, still empty
      return { type: 'segment-open', segment: asSegmentNumber(++this.#segment), generation };
    }
    const segmentOffset = Math.floor(this.#fill);
    this.#fill = segmentOffset + length;
    const sequential = this.random.below(2) === 0 && file.size + 10n * unit < largest;
    const offset = place(sequential ? file.size : this.units(40) * unit);
    return { type: 'write', ino: asIno(file.ino), offset, length, segment: asSegmentNumber(this.#segment), segmentOffset, time: this.time() };
  }

  /** The first name of a file without one, or again one of an orphan that still has all it had (the first in line may be half gone). */
  adopt(parent: Ino, name: string): JournalRecord | null {
    const inode = [...this.model.inodes.values()].find((one) => regular(one) && one.names.size === 0 && one.uid === 2 && this.reapable.indexOf(one.ino) > 0);
    if (inode === undefined || this.model.holder(parent, name) !== undefined) return null;
    this.reapable.splice(this.reapable.indexOf(inode.ino), 1);
    return { type: 'link', ino: asIno(inode.ino), parent, name: Buffer.from(name), time: this.time() };
  }

  /** Another file's unit, or its own. */
  share(to: ModelInode): JournalRecord | null {
    const from = this.pick((one) => regular(one) && one.units.size > 0);
    const [shared] = from?.units.values() ?? [];
    if (shared === undefined || shared === unwritten) return null;
    const [segment = 0, segmentOffset = 0] = shared.split(':').map(Number);
    return { type: 'share', ino: asIno(to.ino), offset: place(this.units(40) * unit), length: Number(unit), segment: asSegmentNumber(segment), segmentOffset, time: this.time() };
  }

  unlink(): JournalRecord | null {
    const inode = this.pick((one) => one.ino !== ROOT_INO && (!directory(one) || !this.hasChildren(one.ino)));
    if (inode === undefined) return null;
    const [parent, name] = this.linkOf(inode);
    return { type: 'unlink', ino: asIno(inode.ino), parent: asIno(parent), name: Buffer.from(name), time: this.time() };
  }

  rename(exchange: boolean): JournalRecord | null {
    const from = this.pick((one) => one.ino !== ROOT_INO);
    if (from === undefined) return null;
    const [fromParent, fromName] = this.linkOf(from);
    const toParent = this.parent();
    const toName = this.name();
    const to = this.model.holder(toParent, toName);
    if (to === from || (exchange && to === undefined)) return null;
    if (directory(from) && this.isBelow(toParent, from.ino)) return null;
    if (exchange && to !== undefined && directory(to) && this.isBelow(fromParent, to.ino)) return null;
    if (!exchange && to !== undefined && (directory(to) !== directory(from) || this.hasChildren(to.ino))) return null;
    return {
      type: 'rename', fromParent: asIno(fromParent), fromName: Buffer.from(fromName), toParent: asIno(toParent), toName: Buffer.from(toName), exchange, time: this.time(),
    };
  }

  linkOf(inode: ModelInode): [number, string] {
    const links = [...inode.names];
    const [parent, name] = (links[this.random.below(links.length)] ?? '').split('/');
    return [Number(parent), name ?? ''];
  }

  hasChildren(ino: number): boolean {
    return [...this.model.inodes.values()].some((one) => [...one.names].some((link) => link.startsWith(`${ino}/`)));
  }

  isBelow(ino: number, ancestor: number): boolean {
    for (let at = ino; ; ) {
      if (at === ancestor) return true;
      if (at === ROOT_INO) return false;
      at = Number([...this.model.get(at).names][0]?.split('/')[0]);
    }
  }
}

/** The skeleton's view of an inode in the model's words. */
function read(skeleton: Skeleton, names: ReadonlyMap<number, Set<string>>, ino: Ino): ModelInode | null {
  const inode = skeleton.inode(ino);
  if (inode === null) return null;
  const units = new Map<bigint, string>();
  for (const extent of skeleton.extents(inode.content, 0, largest, 1_000_000)) {
    for (let at = 0; at < extent.length; at += Number(unit)) units.set((BigInt(extent.offset) + BigInt(at)) / unit, extent.segment === 0 ? unwritten : `${extent.segment}:${extent.segmentOffset + at}`);
  }
  const xattrs = new Map(skeleton.xattrNames(ino).map((name) => [name.toString(), skeleton.xattr(ino, name)?.toString() ?? '']));
  return { ino, mode: inode.mode, uid: inode.uid, gid: inode.gid, size: BigInt(inode.size), mtime: inode.mtime, ctime: inode.ctime, units, xattrs, names: names.get(ino) ?? new Set() };
}

function readNames(skeleton: Skeleton): Map<number, Set<string>> {
  const names = new Map<number, Set<string>>();
  const open: Ino[] = [ROOT_INO];
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    for (const entry of entriesOf(skeleton.childNames(parent, 0, 1_000_000))) {
      const links = names.get(entry.ino) ?? new Set<string>();
      names.set(entry.ino, links.add(`${parent}/${entry.name}`));
      if (entry.mode === 0o040000) open.push(entry.ino);
      assert.equal(skeleton.lookup(parent, entry.name)?.ino, entry.ino);
    }
  }
  return names;
}

function assertEqual(skeleton: Skeleton, model: Model, where: string): void {
  const names = readNames(skeleton);
  for (const inode of model.inodes.values()) {
    if (inode.ino === ROOT_INO) continue;
    const actual = read(skeleton, names, asIno(inode.ino));
    if (inode.names.size === 0 && actual === null) continue; // reaped
    // Directories' own times are those of their entries; an orphan's data may be half gone.
    if (inode.names.size === 0 || directory(inode)) {
      assert.deepEqual([...(actual?.names ?? [])], [...inode.names], where);
      continue;
    }
    assert.equal(actual === null ? 'missing' : describe(actual), describe(inode), where);
  }
  assert.equal(skeleton.use().files, countRows(model, skeleton), where);
}

function countRows(model: Model, skeleton: Skeleton): number {
  return [...model.inodes.keys()].filter((ino) => skeleton.inode(asIno(ino)) !== null).length;
}

/** Delta rows of every file, applied to what the file was at the last root, give what it is. */
function assertDeltasRebuild(skeleton: Skeleton, base: Model, model: Model, where: string): void {
  const rebuilt = base.clone();
  const rows = skeleton.deltas(null, NO_LSN, 1_000_000);
  for (const ino of new Set(rows.map((row) => row.ino))) {
    for (const row of skeleton.deltas(ino, NO_LSN, 1_000_000)) {
      if (row.kind === 'data' || row.kind === 'shared') rebuilt.data(ino, BigInt(row.offset), BigInt(row.length), { segment: row.segment ?? 0, offset: row.segmentOffset }, row.lastTime);
      else if (row.kind === 'unwritten') rebuilt.apply({ type: 'preallocate', ino, offset: row.offset, length: row.length, time: row.lastTime });
      else if (row.kind === 'hole') rebuilt.data(ino, BigInt(row.offset), BigInt(row.length), null, row.lastTime);
      else rebuilt.apply(decodeValue(row.value ?? Buffer.alloc(0)), ino);
    }
  }
  for (const inode of model.inodes.values()) {
    if (inode.ino !== ROOT_INO) assert.equal(describe(rebuilt.get(inode.ino)), describe(inode), `${where}: rebuilt from deltas`);
  }
  assert.deepEqual(
    [skeleton.backlog().deltas, skeleton.backlog().files, skeleton.backlog().bytes],
    [rows.length, new Set(rows.map((row) => row.ino)).size, rows.reduce((sum, row) => sum + (row.kind === 'data' ? Number(row.length) : 0), 0)],
    where,
  );
}

function isFileRecord(record: JournalRecord): record is FileRecord {
  return ['create', 'link', 'unlink', 'rename', 'attribute', 'xattr', 'write', 'share', 'temporary', 'truncate', 'punch', 'preallocate', 'trim', 'reap'].includes(record.type);
}

function dump(path: string): string {
  const db = new Sqlite(path, { readonly: true });
  const tables = db.prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").pluck().all();
  const lines = tables.flatMap((table) => {
    const rows = db.prepare(`SELECT * FROM ${table}`).safeIntegers().all() as Record<string, unknown>[];
    return rows.map((row) => `${table} ${JSON.stringify(table === 'point' ? { ...row, link: 0 } : row, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`);
  });
  db.close();
  return lines.sort().join('\n');
}

async function history(seed: number, operations: number): Promise<void> {
  const random = new SeededRandom(seed);
  const path = `${dir}/${seed}.db`;
  let skeleton = freshSkeleton(path);
  const model = new Model();
  model.inodes.set(ROOT_INO, {
    ino: ROOT_INO, mode: 0o040755, uid: 0, gid: 0, size: 0n, mtime: { sec: 1, nsec: 0 }, ctime: { sec: 1, nsec: 0 }, units: new Map(), xattrs: new Map(), names: new Set(['/']),
  });
  const generator = new Generator(random, model);
  const log: JournalRecord[] = [];
  const apply = (record: JournalRecord): void => {
    log.push(record);
    skeleton.apply(asLsn(log.length), record);
    if (isFileRecord(record)) model.apply(record);
  };
  let base = model.clone();
  for (let i = 0; i < operations; i++) {
    const record = generator.next();
    if (record !== null) {
      apply(record);
      for (const ino of skeleton.orphans(asIno(0), 10)) if (!generator.reapable.includes(ino)) generator.reapable.push(ino);
      if (record.type === 'reap' && skeleton.inode(record.ino) === null) generator.reapable.shift();
    }
    const where = `seed ${seed}, operation ${i} (${record?.type})`;
    if (random.below(200) === 0) {
      // A root: rows up to the cut go, later ones stay. The next base is the state at the cut.
      assertDeltasRebuild(skeleton, base, model, where);
      const cut = asLsn(log.length);
      const next = model.clone();
      apply({ type: 'flush-begin', cut });
      for (let j = random.below(20); j > 0; j--) {
        const more = generator.next();
        if (more !== null && more.type !== 'reap') apply(more);
      }
      while (skeleton.deltas(null, NO_LSN, 1).some((row) => row.lsn <= cut)) apply({ type: 'delta-release', cut, limit: 7 });
      base = next;
      assertDeltasRebuild(skeleton, base, model, where);
    }
    if (random.below(100) === 0) {
      await skeleton.commit(pointAt(skeleton));
      assertEqual(skeleton, model, where);
      assert.deepEqual(await findings(skeleton), [], where);
    }
    if (random.below(500) === 0) {
      await skeleton.commit(pointAt(skeleton));
      skeleton.close();
      skeleton = reopen(path);
    }
  }
  await skeleton.commit(pointAt(skeleton));
  assertEqual(skeleton, model, `seed ${seed}, end`);
  skeleton.close();
  await assertReplayEqual(path, seed, log);
}

/** The same records with other commits, crashes and all, give the same rows. */
async function assertReplayEqual(path: string, seed: number, log: readonly JournalRecord[]): Promise<void> {
  const random = new SeededRandom(seed + 1);
  const again = `${dir}/${seed}-again.db`;
  let skeleton = freshSkeleton(again);
  for (let i = 0; i < log.length; i++) {
    skeleton.apply(asLsn(i + 1), log[i] ?? assert.fail());
    if (random.below(300) === 0) await skeleton.commit(pointAt(skeleton));
    if (random.below(400) === 0) {
      skeleton.close();
      skeleton = reopen(again);
      i = skeleton.appliedLsn - 1;
    }
  }
  await skeleton.commit(pointAt(skeleton));
  skeleton.close();
  assert.equal(dump(again), dump(path), `seed ${seed}: a replay gives the same rows`);
}

for (const seed of [1, 2, 3, 4]) {
  test(`random records agree with the model, delta rows rebuild files, replay is deterministic (seed ${seed})`, () => history(seed, 3000));
}
