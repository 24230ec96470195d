// Segments and where their shards lie: states open -> sealed -> dead -> gone, live bytes, presence in the backup.
// Segment `unwritten` is none: its row, which no list shows, has as `live` the bytes of unwritten extents.
// `live` is the sum of all extents that refer to a segment; a range that two extents share counts twice, 0 means dead for certain.
import { assert } from '../base/assert.js';
import { asDiskId, asGenerationId, asLsn, asSegmentNumber } from '../base/ids.js';
import type { DiskId, Lsn, SegmentNumber } from '../base/ids.js';
import type { SegmentOpenRecord, SegmentSealRecord, ShardMoveRecord } from '../format/records.js';
import { type SegmentFilter, type SegmentRow, type SegmentState, unwritten } from './contract.js';
import type { Connection } from './connection.js';
import type { Counters } from './counters.js';
import type { Disks } from './disks.js';
import { shareSteps, stateDead, stateOpen, stateSealed } from './schema.js';

export interface SegmentColumns {
  readonly segment: number;
  readonly generation: string;
  readonly state: number;
  readonly length: number;
  readonly live: number;
  readonly share: number;
  readonly layout: number;
  readonly k: number;
  readonly m: number;
  readonly e: number;
  readonly shard_bytes: number;
  readonly present: number;
  readonly died_lsn: number;
}

interface HotSegment {
  readonly sealed: boolean;
  readonly length: number;
  live: number;
  share: number;
}

/** Of the row that counts unwritten extents. */
const noGeneration = '';
const hotSegmentsMax = 4_096;
/** A turn that meets the bound writes so many rows. */
const unsettledMax = 256;

const states: readonly SegmentState[] = ['open', 'sealed', 'dead'];

/** Each has its partial index (schema.ts), `dead-here` that of `dead`, `all` the table. */
const filters: Readonly<Record<SegmentFilter, string>> = {
  all: '1',
  open: `state = ${stateOpen}`,
  'only-here': `state = ${stateSealed} AND present = 0`,
  'needs-upload': `state = ${stateSealed} AND present = 0 AND live > 0`,
  droppable: `state = ${stateSealed} AND live = 0`,
  dead: `state = ${stateDead}`,
  'dead-here': `state = ${stateDead} AND EXISTS (SELECT 1 FROM shard WHERE shard.segment = segment.segment AND disk IS NOT NULL)`,
  'delta-shards': `state = ${stateSealed} AND present = 1 AND e > 0`,
};

/** Live share of a sealed segment in steps. */
export function shareOf(live: number, length: number): number {
  return length === 0 ? 0 : Math.floor((live * shareSteps) / length);
}

function statements(db: Connection) {
  const list = (where: string) =>
    db.prepare<[number, number], SegmentColumns>(`SELECT * FROM segment WHERE segment > ? AND ${where} ORDER BY segment LIMIT 0 + ?`);
  return {
    get: db.prepare<[number], SegmentColumns>('SELECT * FROM segment WHERE segment = ?'),
    list: {
      all: list(filters.all),
      open: list(filters.open),
      'only-here': list(filters['only-here']),
      'needs-upload': list(filters['needs-upload']),
      droppable: list(filters.droppable),
      dead: list(filters.dead),
      'dead-here': list(filters['dead-here']),
      'delta-shards': list(filters['delta-shards']),
    } satisfies Record<SegmentFilter, unknown>,
    onDisk: db.prepare<[number, number, number], number>('SELECT DISTINCT segment FROM shard WHERE disk = ? AND segment > ? ORDER BY segment LIMIT 0 + ?').pluck(),
    garbage: db.prepare<[number, number, number], SegmentColumns>(
      `SELECT * FROM segment WHERE state = ${stateSealed} AND share <= ? AND live > 0 AND live < ? * length ORDER BY share, segment LIMIT 0 + ?`,
    ),
    insert: db.prepare(`INSERT INTO segment VALUES (?, ?, ${stateOpen}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`),
    seal: db.prepare(
      `UPDATE segment SET state = ${stateSealed}, length = ?, share = ?, layout = ?, k = ?, m = ?, e = ?, shard_bytes = ? WHERE segment = ?`,
    ),
    live: db.prepare<[number, number, number]>('UPDATE segment SET live = ?, share = ? WHERE segment = ?'),
    die: db.prepare<[number, number]>(`UPDATE segment SET state = ${stateDead}, died_lsn = ? WHERE segment = ? AND state < ${stateDead} AND live = 0`),
    present: db.prepare<[number, number]>('UPDATE segment SET present = ? WHERE segment = ?'),
    noDeltaShards: db.prepare<[number]>('UPDATE segment SET e = 0 WHERE segment = ?'),
    remove: db.prepare<[number]>('DELETE FROM segment WHERE segment = ?'),
    shards: db.prepare<[number], readonly [number, number | null]>('SELECT idx, disk FROM shard WHERE segment = ? ORDER BY idx').raw(),
    shardInsert: db.prepare<[number, number, number]>('INSERT INTO shard (segment, idx, disk) VALUES (?, ?, ?)'),
    shardMove: db.prepare<[number | null, number, number]>('UPDATE shard SET disk = ? WHERE segment = ? AND idx = ?'),
    shardsRemove: db.prepare<[number, number]>('DELETE FROM shard WHERE segment = ? AND idx >= ?'),
  };
}

export class Segments {
  readonly #sql: ReturnType<typeof statements>;
  readonly #counters: Counters;
  readonly #disks: Disks;
  /** What addLive needs of the segments it met lately; equal to their rows, dropped when a record changes the state. */
  readonly #hot = new Map<number, HotSegment>();
  /** Of these the rows are behind: `live` and `share` are written before anybody looks. */
  readonly #unsettled = new Map<number, HotSegment>();

  /** null: the row is not there yet. */
  #unwrittenBytes: number | null;

  constructor(db: Connection, counters: Counters, disks: Disks) {
    this.#sql = statements(db);
    this.#counters = counters;
    this.#disks = disks;
    this.#unwrittenBytes = this.#sql.get.get(unwritten)?.live ?? null;
  }

  /** Bytes of all unwritten extents. */
  get unwrittenBytes(): number {
    return this.#unwrittenBytes ?? 0;
  }

  /** Writes what addLive left in memory. Before a commit, and before rows are read or changed in another way. */
  settle(): void {
    for (const [segment, { live, share }] of this.#unsettled) this.#sql.live.run(live, share, segment);
    this.#unsettled.clear();
  }

  // ---- reading ----

  get(segment: SegmentNumber): SegmentRow | null {
    this.settle();
    const row = this.#sql.get.get(segment);
    return row === undefined ? null : this.#rowOf(row);
  }

  list(after: SegmentNumber, limit: number, filter: SegmentFilter): readonly SegmentRow[] {
    this.settle();
    return this.#sql.list[filter].all(after, limit).map((row) => this.#rowOf(row));
  }

  onDisk(disk: DiskId, after: SegmentNumber, limit: number): readonly SegmentRow[] {
    this.settle();
    const number = this.#disks.find(disk);
    if (number === null) return [];
    return this.#sql.onDisk.all(number, after, limit).map((segment) => this.#rowOf(this.#need(segment)));
  }

  garbage(liveShare: number, limit: number): readonly SegmentRow[] {
    this.settle();
    const rows = this.#sql.garbage.all(Math.floor(liveShare * shareSteps), liveShare, limit);
    return rows.sort((a, b) => a.live / a.length - b.live / b.length || a.segment - b.segment).map((row) => this.#rowOf(row));
  }

  // ---- records ----

  open(record: SegmentOpenRecord): void {
    assert(this.#sql.get.get(record.segment) === undefined, `segment number ${record.segment} is new`);
    this.#sql.insert.run(record.segment, record.generation);
    this.#counters.nextSegment = Math.max(this.#counters.nextSegment, record.segment + 1);
  }

  seal(record: SegmentSealRecord): void {
    const { segment, layout, disks } = record;
    const row = this.#need(segment);
    assert(row.state !== stateDead, `segment ${segment} is not dead when it is sealed`);
    assert(layout.number > row.layout, `layout numbers of segment ${segment} grow`);
    assert(row.state === stateOpen || row.length === record.length, `segment ${segment} keeps its length in a new layout`);
    assert(disks.length === layout.k + layout.m + layout.e, `segment ${segment} has a disk for every shard`);
    const share = shareOf(row.live, record.length);
    this.#cool(segment);
    this.#sql.seal.run(record.length, share, layout.number, layout.k, layout.m, layout.e, layout.shardBytes, segment);
    this.#sql.shardsRemove.run(segment, 0);
    disks.forEach((disk, index) => this.#sql.shardInsert.run(segment, index, this.#disks.number(disk)));
  }

  /** Before the first unwritten extent: there is a row to count them. */
  keepUnwritten(): void {
    if (this.#unwrittenBytes !== null) return;
    this.#sql.insert.run(unwritten, noGeneration);
    this.#unwrittenBytes = 0;
  }

  /** Extents that refer to it came (or, negative, went). */
  addLive(segment: SegmentNumber, bytes: number): void {
    const hot = this.#hot.get(segment) ?? this.#heat(segment);
    hot.live += bytes;
    assert(hot.live >= 0, `segment ${segment} has no negative live bytes`);
    if (segment === unwritten) this.#unwrittenBytes = hot.live;
    hot.share = hot.sealed ? shareOf(hot.live, hot.length) : 0;
    this.#unsettled.set(segment, hot);
    if (this.#unsettled.size > unsettledMax) this.settle();
  }

  drop(lsn: Lsn, segment: SegmentNumber): void {
    this.#cool(segment);
    assert(this.#sql.die.run(lsn, segment).changes === 1, `nothing refers to segment ${segment} when it dies`);
  }

  forget(segment: SegmentNumber): void {
    const row = this.#need(segment);
    assert(row.state === stateDead, `segment ${segment} is dead before its shards are forgotten`);
    this.#sql.shardsRemove.run(segment, 0);
    if (row.present === 0) this.#sql.remove.run(segment);
  }

  moveShard(record: ShardMoveRecord): void {
    const disk = record.disk === null ? null : this.#disks.number(record.disk);
    const { changes } = this.#sql.shardMove.run(disk, record.segment, record.index);
    assert(changes === 1, `segment ${record.segment} has shard ${record.index}`);
  }

  dropDeltaShards(segments: readonly SegmentNumber[]): void {
    for (const segment of segments) {
      const row = this.#need(segment);
      this.#sql.noDeltaShards.run(segment);
      this.#sql.shardsRemove.run(segment, row.k + row.m);
    }
  }

  setPresent(segment: SegmentNumber, present: boolean): void {
    const { changes } = this.#sql.present.run(present ? 1 : 0, segment);
    assert(changes === 1, `segment ${segment} exists`);
  }

  /** The backup objects are gone; a dead segment whose shards were forgotten goes with them. */
  forgetBackup(segments: readonly SegmentNumber[]): void {
    for (const segment of segments) {
      const row = this.#need(segment);
      assert(row.state === stateDead, `segment ${segment} is dead before its backup is forgotten`);
      if (this.#sql.shards.all(segment).length === 0) this.#sql.remove.run(segment);
      else this.#sql.present.run(0, segment);
    }
  }

  /** A record changes the state: what is remembered ends with it. */
  #cool(segment: SegmentNumber): void {
    this.settle();
    this.#hot.delete(segment);
  }

  #heat(segment: SegmentNumber): HotSegment {
    const row = this.#need(segment);
    assert(row.state !== stateDead, `segment ${segment} is not dead when its references change`);
    if (this.#hot.size >= hotSegmentsMax) this.#hot.clear();
    const hot = { sealed: row.state === stateSealed, length: row.length, live: row.live, share: row.share };
    this.#hot.set(segment, hot);
    return hot;
  }

  #need(segment: number): SegmentColumns {
    this.settle();
    const row = this.#sql.get.get(segment);
    assert(row !== undefined, `segment ${segment} exists`);
    return row;
  }

  #rowOf(row: SegmentColumns): SegmentRow {
    const state = states[row.state];
    assert(state !== undefined, `segment ${row.segment} has a known state`);
    const disks = Array.from({ length: row.k + row.m + row.e }, (): DiskId | null => null);
    for (const [index, disk] of this.#sql.shards.all(row.segment)) disks[index] = disk === null ? null : asDiskId(this.#disks.id(disk));
    return {
      segment: asSegmentNumber(row.segment),
      generation: asGenerationId(row.generation),
      state,
      length: row.length,
      live: row.live,
      layout: row.layout === 0 ? null : { number: row.layout, k: row.k, m: row.m, e: row.e, shardBytes: row.shard_bytes },
      disks,
      present: row.present === 1,
      diedLsn: asLsn(row.died_lsn),
    };
  }
}
