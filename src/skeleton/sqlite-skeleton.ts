// The skeleton on SQLite: one writer connection with an open transaction, changed only by apply(), made a point by commit().
// Holds always: what is on disk equals all records up to the applied LSN of the last commit, counters included; nothing is ever
// synced (the file is a cache, rule 6). Subjects have files of their own; this one puts them together and owns the transaction.
import { statSync } from 'node:fs';
import { assert } from '../base/assert.js';
import { add, type FileOffset } from '../base/file-offset.js';
import { failpoint } from '../base/failpoint.js';
import { asContentId, asIno, asSegmentNumber, type ContentId, type DiskId, type Ino, type Lsn, NO_LSN, type SegmentNumber, type VolumeId } from '../base/ids.js';
import type { JournalRecord } from '../format/records.js';
import { RecordApplier, type Tables } from './apply.js';
import { checkSkeleton } from './check.js';
import type { CheckFinding, CommitPoint, Extent, Skeleton } from './contract.js';
import { type Connection, walPath } from './connection.js';
import { Counters } from './counters.js';
import { FileData } from './data.js';
import { Deltas } from './deltas.js';
import { Disks } from './disks.js';
import { ExtentMap } from './extents.js';
import type { WalKeeper } from './image-source.js';
import { Inodes } from './inodes.js';
import { Names } from './names.js';
import { Roots } from './roots.js';
import { type FileIdentity, raiseFormat } from './schema.js';
import { Segments } from './segments.js';
import { Xattrs } from './xattrs.js';

export interface SkeletonOptions {
  readonly volume: VolumeId;
  /** false: a volume without a backup, which keeps no delta rows. */
  readonly recordDeltas: boolean;
  readonly cacheBytes?: number;
  /** Past half of this the log is moved in the background, past all of it at once between COMMIT and BEGIN. */
  readonly walBytesMax?: number;
}

const walBytesMaxDefault = 64 * 1024 * 1024;
const referencesPerQuery = 256;

export class SqliteSkeleton implements Skeleton {
  readonly path: string;
  readonly #db: Connection;
  readonly #tables: Tables;
  readonly #applier: RecordApplier;
  readonly #walBytesMax: number;
  readonly #nameKey: Buffer;
  #appliedLsn: Lsn;
  #commitPoint: CommitPoint | null;
  /** Numbers given out by nextIno() and nextSegment(); records may not have used them yet. */
  #inoGiven = 0;
  #segmentGiven = 0;
  #broken = false;
  #keeper: WalKeeper | null = null;
  #background: Promise<void> | null = null;
  readonly #checks = new Set<{ interrupt(): Promise<void> }>();
  readonly #afterClose: (() => void)[] = [];

  constructor(path: string, db: Connection, identity: FileIdentity, options: SkeletonOptions) {
    this.path = path;
    this.#db = db;
    this.#nameKey = identity.nameKey;
    this.#walBytesMax = options.walBytesMax ?? walBytesMaxDefault;
    const counters = new Counters(db);
    this.#commitPoint = counters.load();
    this.#appliedLsn = this.#commitPoint?.appliedLsn ?? NO_LSN;
    const inodes = new Inodes(db, counters);
    const names = new Names(db, inodes, identity.nameKey);
    const xattrs = new Xattrs(db);
    const disks = new Disks(db);
    const segments = new Segments(db, counters, disks);
    const extents = new ExtentMap(db, segments);
    const data = new FileData(db, inodes, names, xattrs, extents, segments);
    this.#tables = { counters, inodes, names, xattrs, extents, data, segments, disks, roots: new Roots(db), deltas: new Deltas(db, counters) };
    this.#applier = new RecordApplier(this.#tables, options.recordDeltas);
    this.#db.exec('BEGIN IMMEDIATE');
    raiseFormat(db);
  }

  // ---- names and attributes ----

  lookup(parent: Ino, name: Buffer) {
    return this.#tables.names.lookup(parent, name);
  }

  inode(ino: Ino) {
    return this.#tables.inodes.get(ino);
  }

  childNames(parent: Ino, cookie: number, limit: number) {
    return this.#tables.names.childNames(parent, cookie, limit);
  }

  childrenWithInodes(parent: Ino, cookie: number, limit: number) {
    return this.#tables.inodes.ofDirectory(parent, cookie, limit);
  }

  hasChildren(parent: Ino): boolean {
    return this.#tables.names.hasChildren(parent);
  }

  parentOf(directory: Ino): Ino {
    const place = this.#tables.inodes.place(directory);
    assert(place !== null, `directory ${directory} exists`);
    return asIno(place.parent);
  }

  symlinkTarget(ino: Ino): Buffer | null {
    return this.#tables.inodes.target(ino);
  }

  xattr(ino: Ino, name: Buffer): Buffer | null {
    return this.#tables.xattrs.get(ino, name);
  }

  xattrNames(ino: Ino): readonly Buffer[] {
    return this.#tables.xattrs.names(ino);
  }

  pathOf(ino: Ino): string {
    return this.#tables.names.pathOf(ino);
  }

  nextIno(): Ino {
    this.#inoGiven = Math.max(this.#inoGiven + 1, this.#tables.counters.nextIno);
    return asIno(this.#inoGiven);
  }

  nextSegment(): SegmentNumber {
    this.#segmentGiven = Math.max(this.#segmentGiven + 1, this.#tables.counters.nextSegment);
    return asSegmentNumber(this.#segmentGiven);
  }

  // ---- data ----

  extents(content: ContentId, offset: FileOffset, length: FileOffset, limit: number): readonly Extent[] {
    return this.#tables.extents.overlapping(content, offset, add(offset, length), limit);
  }

  extentCount(content: ContentId, offset: FileOffset, length: FileOffset, limit: number): number {
    return this.#tables.extents.count(content, offset, add(offset, length), limit);
  }

  *referencesTo(segment: SegmentNumber): Iterable<{ readonly ino: Ino; readonly content: ContentId; readonly extent: Extent }> {
    let [content, offset]: [number, FileOffset] = [0, -1];
    for (;;) {
      // Page by page: a statement that is left open would hold a read transaction.
      const page = this.#tables.extents.ofSegment(segment, content, offset, referencesPerQuery);
      for (const reference of page) {
        ({ content, extent: { offset } } = reference);
        const ino = this.#tables.inodes.ofContent(asContentId(content));
        if (ino !== null) yield { ino, content: asContentId(content), extent: reference.extent };
      }
      if (page.length < referencesPerQuery) return;
    }
  }

  // ---- segments, disks, deltas, roots ----

  segment(segment: SegmentNumber) {
    return this.#tables.segments.get(segment);
  }

  segments(after: SegmentNumber, limit: number, filter: Parameters<Skeleton['segments']>[2]) {
    return this.#tables.segments.list(after, limit, filter);
  }

  segmentsOn(disk: DiskId, after: SegmentNumber, limit: number) {
    return this.#tables.segments.onDisk(disk, after, limit);
  }

  garbage(liveShare: number, limit: number) {
    return this.#tables.segments.garbage(liveShare, limit);
  }

  disks() {
    return this.#tables.disks.all();
  }

  backlog() {
    return this.#tables.deltas.backlog();
  }

  deltas(ino: Ino | null, after: Lsn, limit: number) {
    return this.#tables.deltas.list(ino, after, limit);
  }

  roots() {
    return this.#tables.roots.all();
  }

  lastRoot() {
    return this.#tables.roots.last();
  }

  orphans(after: Ino, limit: number) {
    return this.#tables.names.orphans(after, limit);
  }

  trims(limit: number) {
    return this.#tables.data.trims(limit);
  }

  use() {
    return { files: this.#tables.counters.files, liveBytes: this.#tables.counters.liveBytes, unwrittenBytes: this.#tables.segments.unwrittenBytes };
  }

  // ---- changes ----

  get appliedLsn(): Lsn {
    return this.#appliedLsn;
  }

  apply(lsn: Lsn, record: JournalRecord): void {
    assert(this.#db.inTransaction, 'no record is applied between COMMIT and BEGIN');
    assert(lsn > this.#appliedLsn, `record ${lsn} comes after record ${this.#appliedLsn}`);
    // A record that fails half-way is a bug; what it left behind must never be committed.
    this.#broken = true;
    this.#applier.apply(lsn, record);
    this.#broken = false;
    this.#appliedLsn = lsn;
  }

  // ---- durability ----

  async commit(point: CommitPoint, between?: () => Promise<void>): Promise<void> {
    assert(this.#db.inTransaction, 'one commit at a time');
    assert(!this.#broken, 'no record failed since the last commit');
    assert(point.appliedLsn === this.#appliedLsn, `the point ${point.appliedLsn} is where the skeleton stands (${this.#appliedLsn})`);
    this.#applier.settle();
    this.#tables.counters.save(point);
    this.#db.exec('COMMIT');
    this.#commitPoint = point;
    try {
      failpoint('skeleton-between-commit-and-begin');
      await this.#background;
      await between?.();
      if (this.#walBytes() > this.#walBytesMax) await this.#truncateWal();
    } finally {
      this.#background = null;
      if (this.#db.open) this.#db.exec('BEGIN IMMEDIATE');
    }
    if (this.#keeper !== null && this.#walBytes() > this.#walBytesMax / 2) this.#startBackground(this.#keeper);
  }

  commitPoint(): CommitPoint | null {
    return this.#commitPoint;
  }

  check(pagesOnly = false): AsyncIterable<CheckFinding> {
    const inline = this.#keeper?.inline ?? true;
    return checkSkeleton({ path: this.path, nameKey: this.#nameKey, pagesOnly, inline, running: this.#checks, committing: () => !this.#db.inTransaction });
  }

  /** Without a commit before it: everything since the last one is forgotten. */
  close(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    this.#db.close();
    for (const action of this.#afterClose.splice(0)) action();
  }

  // ---- for the image source of this folder ----

  attachWalKeeper(keeper: WalKeeper | null): void {
    assert(keeper === null || this.#keeper === null, 'one image source for a skeleton');
    this.#keeper = keeper;
  }

  afterClose(action: () => void): void {
    this.#afterClose.push(action);
  }

  /** Checks hold a snapshot, and the log cannot be emptied before it is let go. They end with 'conflict' (check-interrupted). */
  async interruptChecks(): Promise<void> {
    for (const check of this.#checks) await check.interrupt();
  }

  #walBytes(): number {
    return statSync(walPath(this.path), { throwIfNoEntry: false })?.size ?? 0;
  }

  async #truncateWal(): Promise<void> {
    if (this.#keeper === null) {
      await this.interruptChecks();
      this.#db.pragma('wal_checkpoint(TRUNCATE)');
    } else if (!this.#keeper.captured) {
      await this.#keeper.truncate();
    }
  }

  #startBackground(keeper: WalKeeper): void {
    const work = keeper.checkpoint();
    this.#background = work;
    // The next commit awaits it and reports its failure; until then it is no unhandled rejection.
    work.catch(() => {});
  }
}
