// Random POSIX operations through src/filesystem, on the memory volume and on the real skeleton at once: every inode,
// name, attribute and extent must be the same in both. Also what the filesystem asks of a volume is judged: the
// skeleton asserts the preconditions of every record.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FileOffset } from '../../src/base/file-offset.js';
import { asGenerationId, asLsn, asSegmentNumber, asVolumeId, type Ino, type Lsn, ROOT_INO } from '../../src/base/ids.js';
import { rowsPerTurnMax } from '../../src/base/limits.js';
import { SeededRandom } from '../../src/base/random.js';
import type { Caller, FileSystem } from '../../src/filesystem/contract.js';
import { PosixError } from '../../src/filesystem/contract.js';
import { shareRange } from '../../src/volume/sharing.js';
import { createFileSystem } from '../../src/filesystem/filesystem.js';
import { defaultFileSystemOptions } from '../../src/filesystem/options.js';
import type { FileRecord, JournalRecord } from '../../src/format/records.js';
import type { Extent, Inode } from '../../src/skeleton/contract.js';
import { createSkeleton, type SqliteSkeleton } from '../../src/skeleton/skeleton.js';
import { MemoryVolume } from '../support/memory-volume.js';
import { entriesOf } from '../../src/skeleton/name-list.js';
import { exactMax, largest, place } from '../support/wide.js';

const volumeId = asVolumeId('00000000-0000-4000-8000-000000000001');
const segment = asSegmentNumber(1);
const seeds = [1, 2, 3, 4];
const steps = 1_500;

/** Applies everything to the skeleton as well. */
class MirroredVolume extends MemoryVolume {
  readonly skeleton: SqliteSkeleton;
  #mirrorLsn = 0;
  #segmentEnd = 0;

  constructor(path: string, seed: number) {
    super();
    const root = this.tree.inode(ROOT_INO);
    assert.ok(root !== null);
    this.skeleton = createSkeleton(path, { volume: volumeId, recordDeltas: true, rootUid: 0, rootGid: 0, time: root.btime, random: new SeededRandom(seed) });
    this.#mirror({ type: 'segment-open', segment, generation: asGenerationId('0123456789abcdef') });
  }

  override apply(record: FileRecord): Lsn {
    this.#mirror(record);
    return super.apply(record);
  }

  override write(ino: Ino, offset: FileOffset, data: Buffer): void {
    super.write(ino, offset, data);
    const time = this.tree.inode(ino)?.mtime;
    assert.ok(time !== undefined);
    this.#mirror({ type: 'write', ino, offset, length: data.length, segment, segmentOffset: this.#segmentEnd, time });
    this.#segmentEnd += data.length;
  }

  override share(from: Ino, fromOffset: FileOffset, to: Ino, toOffset: FileOffset, length: number): number {
    const done = super.share(from, fromOffset, to, toOffset, length);
    const time = this.tree.inode(to)?.mtime;
    assert.ok(time !== undefined);
    const { skeleton } = this;
    assert.equal(shareRange({ skeleton, record: (record) => this.#mirror(record) }, { from, fromOffset, to, toOffset, length }, time), done);
    return done;
  }

  protected override reaped(ino: Ino): void {
    while (this.skeleton.inode(ino) !== null) this.#mirror({ type: 'reap', ino, limit: rowsPerTurnMax });
  }

  #mirror(record: JournalRecord): void {
    this.skeleton.apply(asLsn(++this.#mirrorLsn), record);
  }
}

type Pick = <T>(from: readonly T[]) => T;

/** One random operation; what it is refused is as good as what it does. */
function operate(fs: FileSystem, random: SeededRandom, inos: readonly Ino[], handles: Map<number, Ino>): void {
  const pick: Pick = (from) => {
    const chosen = from[random.below(from.length)];
    assert.ok(chosen !== undefined);
    return chosen;
  };
  const name = (): Buffer => Buffer.from(pick(['a', 'b', 'c', 'd', 'e', 'f', '\u00e9', 'n'.repeat(255)]));
  const ino = (): Ino => pick(inos);
  const caller: Caller = { uid: random.below(3), gid: random.below(3), pid: 1 };
  const opened = (): readonly [number, Ino] => pick([...handles, [0, ROOT_INO] as const]);
  const attribute = Buffer.from(pick(['user.a', 'user.b', 'trusted.c', 'security.capability']));
  /** Around where numbers stop being exact, around the end of the largest file and a little past it, but mostly small. */
  const somewhere = (): FileOffset => place(pick([0n, 0n, 0n, 0n, exactMax - 25_000n, largest - 45_000n]) + BigInt(random.below(50_000)));
  const small = random.below(50_000);
  const offset = somewhere();
  const actions: readonly (() => unknown)[] = [
    () => fs.mkdir(caller, ino(), name(), 0o755 | pick([0, 0o2000]), 0),
    () => fs.mknod(caller, ino(), name(), pick([0o100644, 0o010600, 0o020600]), 7, 0),
    () => fs.symlink(caller, ino(), name(), Buffer.from('target')),
    () => fs.link(ino(), ino(), name()),
    () => fs.unlink(ino(), name()),
    () => fs.rmdir(ino(), name()),
    () => fs.rename(ino(), name(), ino(), name(), pick([0, 0, 0, 1, 2, 4, 5]), caller),
    () => fs.setattr(caller, ino(), { size: pick([0, 100, offset, somewhere()]) }),
    () => fs.setattr(caller, ino(), { mode: random.below(0o10000), mtime: { sec: -small, nsec: small } }),
    () => fs.setattr(caller, ino(), { uid: random.below(5), atime: 'now' }),
    () => fs.fallocate(ino(), offset, pick([1 + random.below(20_000), 1 + random.below(20_000), somewhere()]), pick([0, 1, 3, 16, 17])),
    () => fs.setxattr(caller, ino(), attribute, Buffer.from(`value ${small}`), random.below(3)),
    () => fs.removexattr(ino(), attribute),
    () => fs.list(ino(), 0, 10, true),
    () => fs.lseek(ino(), offset, pick([3, 4])),
    () => {
      const target = ino();
      handles.set((fs.open(target, pick([0, 2, 0o1002]), random.below(2) === 0) as { handle: number }).handle, target); // the memory volume answers at once
    },
    () => {
      const made = fs.create(caller, ino(), name(), 0o644, pick([0o102, 0o302, 0o1102]), 0) as { handle: number; inode: Inode }; // as above
      handles.set(made.handle, made.inode.ino);
    },
    () => {
      const [handle, target] = opened();
      return fs.write(target, handle, offset, random.bytes(1 + random.below(8_000)), random.below(2) === 0);
    },
    () => {
      const [handle, source] = opened();
      const [toHandle, target] = opened();
      return fs.copyRange(caller, source, handle, offset, target, toHandle, somewhere(), 1 + random.below(30_000));
    },
    () => {
      const [handle, target] = opened();
      return fs.read(target, handle, offset, 1_000);
    },
    () => {
      const [handle, target] = opened();
      fs.release(target, handle);
      handles.delete(handle);
    },
  ];
  try {
    pick(actions)();
  } catch (error) {
    if (!(error instanceof PosixError)) throw error;
  }
}

/** Neighbouring extents as one: how writes were cut is nobody's business. */
function ranges(extents: readonly Extent[]): readonly (readonly [bigint, bigint])[] {
  const merged: [bigint, bigint][] = [];
  for (const { offset, length } of extents) {
    const last = merged.at(-1);
    const [start, end] = [BigInt(offset), BigInt(offset) + BigInt(length)];
    if (last !== undefined && last[1] === start) last[1] = end;
    else merged.push([start, end]);
  }
  return merged;
}

function expectEqual(volume: MirroredVolume, inosMade: number): void {
  const { tree, skeleton } = volume;
  for (let number = 1; number <= inosMade; number++) {
    const ino = number as Ino; // every number that nextIno gave
    const expected = tree.inode(ino);
    const actual = skeleton.inode(ino);
    assert.deepEqual(actual, expected);
    if (expected === null) continue;
    const end = largest;
    assert.deepEqual(ranges(skeleton.extents(expected.content, 0, end, 10_000)), ranges(tree.extents(expected.content, 0, end, 10_000)));
    assert.deepEqual(skeleton.symlinkTarget(ino), tree.symlinkTarget(ino));
    const byName = (names: readonly { readonly name: Buffer; readonly ino: Ino }[]): readonly string[] => names.map((entry) => `${entry.name.toString('hex')} ${entry.ino}`).sort();
    assert.deepEqual(byName(entriesOf(skeleton.childNames(ino, 0, 1_000))), byName(tree.children(ino, 0, 1_000)));
    const names = skeleton.xattrNames(ino).map(String).sort();
    assert.deepEqual(names, tree.xattrNames(ino).map(String).sort());
    for (const name of names) assert.deepEqual(skeleton.xattr(ino, Buffer.from(name)), tree.xattr(ino, Buffer.from(name)));
  }
}

for (const seed of seeds) {
  test(`the memory volume and the skeleton agree after ${steps} random operations (seed ${seed})`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'filesystem-'));
    const volume = new MirroredVolume(join(folder, 'skeleton.db'), seed);
    try {
      const fs = createFileSystem(volume, defaultFileSystemOptions);
      const random = new SeededRandom(seed);
      const handles = new Map<number, Ino>();
      for (let step = 0; step < steps; step++) {
        const made = volume.tree.nextIno() - 1;
        const inos = Array.from({ length: Math.min(made, 40) }, (_, back) => (made - back) as Ino); // of the last numbers given
        operate(fs, random, [ROOT_INO, ROOT_INO, ROOT_INO, ...inos], handles);
        if (step % 100 === 99) expectEqual(volume, volume.tree.nextIno() - 1);
      }
      for await (const finding of volume.skeleton.check()) assert.fail(`${finding.rule}: ${finding.subject}: ${finding.detail}`);
      assert.ok(volume.tree.files > 20, 'something was made');
    } finally {
      volume.skeleton.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
