// Numbers that would cost a walk to count: kept in memory, written with every commit, read back when the file is opened.
// They follow from the applied records alone, so that a replay gives the same ones; check() counts them anew.
import { asGenerationId, asLsn } from '../base/ids.js';
import type { CommitPoint } from './contract.js';
import type { Connection } from './connection.js';

interface PointRow {
  readonly applied_lsn: number;
  readonly generation: string | null;
  readonly link: number;
  readonly boot_id: string;
  readonly next_ino: number;
  readonly next_segment: number;
  readonly merge_cut: number;
  readonly deltas: number;
  readonly delta_files: number;
  readonly delta_bytes: number;
  readonly files: number;
  readonly live_bytes: number;
}

export class Counters {
  /** Smallest numbers that no applied record has used. */
  nextIno = 0;
  nextSegment = 0;
  /** Delta rows up to this LSN belong to a flush: nothing merges into them. */
  mergeCut = 0;
  deltas = 0;
  deltaFiles = 0;
  deltaBytes = 0;
  files = 0;
  liveBytes = 0;

  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /** Takes everything from the file; gives the point of the last commit (null: there was none) . */
  load(): CommitPoint | null {
    const row = this.#db.prepare<[], PointRow>('SELECT * FROM point').get();
    if (row === undefined) throw new Error('the point row is missing');
    this.nextIno = row.next_ino;
    this.nextSegment = row.next_segment;
    this.mergeCut = row.merge_cut;
    this.deltas = row.deltas;
    this.deltaFiles = row.delta_files;
    this.deltaBytes = row.delta_bytes;
    this.files = row.files;
    this.liveBytes = row.live_bytes;
    if (row.generation === null) return null;
    return { appliedLsn: asLsn(row.applied_lsn), generation: asGenerationId(row.generation), link: row.link, bootId: row.boot_id };
  }

  /** Part of the transaction that the point commits. */
  save(point: CommitPoint): void {
    this.#db
      .prepare(
        `UPDATE point SET applied_lsn = ?, generation = ?, link = ?, boot_id = ?, next_ino = ?, next_segment = ?, merge_cut = ?,
         deltas = ?, delta_files = ?, delta_bytes = ?, files = ?, live_bytes = ?`,
      )
      .run(
        point.appliedLsn, point.generation, point.link, point.bootId, this.nextIno, this.nextSegment, this.mergeCut,
        this.deltas, this.deltaFiles, this.deltaBytes, this.files, this.liveBytes,
      );
  }
}
