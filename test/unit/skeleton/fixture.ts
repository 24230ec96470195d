// A skeleton in a scratch folder and short ways to make records, for the tests of src/skeleton.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileOffset } from '../../../src/base/file-offset.js';
import { asContentId, asDiskId, asGenerationId, asIno, asLsn, asSegmentNumber, asVolumeId, ROOT_INO } from '../../../src/base/ids.js';
import type { DiskId, Ino } from '../../../src/base/ids.js';
import { SeededRandom } from '../../../src/base/random.js';
import type { JournalRecord } from '../../../src/format/records.js';
import type { CheckFinding, CommitPoint, Skeleton } from '../../../src/skeleton/contract.js';
import { createSkeleton, openSkeleton } from '../../../src/skeleton/skeleton.js';
import type { SkeletonOptions, SqliteSkeleton } from '../../../src/skeleton/skeleton.js';

export const volume = asVolumeId('11111111-2222-4333-8444-555555555555');
export const generation = asGenerationId('00000000000000a1');
export const diskIds: readonly DiskId[] = [1, 2, 3, 4, 5, 6].map((n) => asDiskId(`00000000-0000-4000-8000-00000000000${n}`));
export const b = (text: string): Buffer => Buffer.from(text);

export function scratch(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-skeleton-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

const options: SkeletonOptions = { volume, recordDeltas: true, cacheBytes: 8 * 1024 * 1024 };

export function freshSkeleton(path: string, more: Partial<SkeletonOptions> = {}): SqliteSkeleton {
  return createSkeleton(path, { ...options, ...more, rootUid: 0, rootGid: 0, time: { sec: 1, nsec: 0 }, random: new SeededRandom(7) });
}

export function reopen(path: string, more: Partial<SkeletonOptions> = {}): SqliteSkeleton {
  return openSkeleton(path, { ...options, ...more });
}

export function pointAt(skeleton: Skeleton): CommitPoint {
  return { appliedLsn: skeleton.appliedLsn, generation, link: 0xdeadbeef, bootId: 'boot' };
}

export async function findings(skeleton: Skeleton): Promise<readonly CheckFinding[]> {
  const found: CheckFinding[] = [];
  for await (const one of skeleton.check()) found.push(one);
  return found;
}

/** Applies records to a skeleton, one LSN and one second after the other. */
export class Hand {
  readonly skeleton: Skeleton;
  readonly records: JournalRecord[] = [];
  #second = 1_000;

  constructor(skeleton: Skeleton) {
    this.skeleton = skeleton;
  }

  time(): { sec: number; nsec: number } {
    this.#second += 1;
    return { sec: this.#second, nsec: this.#second % 7 };
  }

  do(record: JournalRecord): void {
    this.records.push(record);
    this.skeleton.apply(asLsn(this.skeleton.appliedLsn + 1), record);
  }

  create(name: string, parent: Ino = ROOT_INO, mode = 0o100644): Ino {
    const ino = this.skeleton.nextIno();
    const content = asContentId((mode & 0o170000) === 0o100000 ? ino : 0);
    const target = (mode & 0o170000) === 0o120000 ? b('target') : null;
    this.do({ type: 'create', ino, content, parent, name: b(name), mode, uid: 10, gid: 20, rdev: 0, target, time: this.time() });
    return ino;
  }

  mkdir(name: string, parent: Ino = ROOT_INO): Ino {
    return this.create(name, parent, 0o040755);
  }

  link(ino: Ino, name: string, parent: Ino = ROOT_INO): void {
    this.do({ type: 'link', ino, parent, name: b(name), time: this.time() });
  }

  unlink(name: string, parent: Ino = ROOT_INO): void {
    const inode = this.skeleton.lookup(parent, b(name));
    this.do({ type: 'unlink', ino: inode?.ino ?? asIno(0), parent, name: b(name), time: this.time() });
  }

  rename(from: string, to: string, fromParent: Ino = ROOT_INO, toParent: Ino = ROOT_INO, exchange = false): void {
    this.do({ type: 'rename', fromParent, fromName: b(from), toParent, toName: b(to), exchange, time: this.time() });
  }

  write(ino: Ino, offset: FileOffset, length: number, segment: number, segmentOffset: number): void {
    this.do({ type: 'write', ino, offset, length, segment: asSegmentNumber(segment), segmentOffset, time: this.time() });
  }

  truncate(ino: Ino, size: FileOffset): void {
    this.do({ type: 'truncate', ino, size, time: this.time() });
  }

  punch(ino: Ino, offset: FileOffset, length: FileOffset): void {
    this.do({ type: 'punch', ino, offset, length, time: this.time() });
  }

  preallocate(ino: Ino, offset: FileOffset, length: FileOffset): void {
    this.do({ type: 'preallocate', ino, offset, length, time: this.time() });
  }

  reap(ino: Ino, limit = 1_000): void {
    this.do({ type: 'reap', ino, limit });
  }

  open(segment: number): void {
    this.do({ type: 'segment-open', segment: asSegmentNumber(segment), generation });
  }

  disks(): void {
    for (const disk of diskIds) this.do({ type: 'disk', disk, path: `/d/${disk.slice(-1)}`, state: 'healthy', reason: 'new', time: this.time() });
  }

  seal(segment: number, length: number, number = 1, [k, m, e] = [2, 1, 1]): void {
    const count = (k ?? 0) + (m ?? 0) + (e ?? 0);
    const shardBytes = Math.ceil(length / (k ?? 1) / 4096) * 4096;
    this.do({ type: 'segment-seal', segment: asSegmentNumber(segment), length, layout: { number, k: k ?? 0, m: m ?? 0, e: e ?? 0, shardBytes }, disks: diskIds.slice(0, count) });
  }

  commit(between?: () => Promise<void>): Promise<void> {
    return this.skeleton.commit(pointAt(this.skeleton), between);
  }
}
