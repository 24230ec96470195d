// What each journal record does to the tables: the one dispatch. Deterministic: equal skeletons and equal records give equal skeletons.
// The caller has checked what POSIX wants; what a record takes for granted is asserted.
import { assert, unreachable } from '../base/assert.js';
import type { Lsn } from '../base/ids.js';
import type { CreateRecord, JournalRecord, LinkRecord, RenameRecord, StoreRecord, TemporaryRecord, UnlinkRecord } from '../format/records.js';
import type { Counters } from './counters.js';
import type { FileData } from './data.js';
import type { Deltas } from './deltas.js';
import type { Disks } from './disks.js';
import type { ExtentMap } from './extents.js';
import { directoryType, isDirectory } from './inodes.js';
import type { Inodes } from './inodes.js';
import type { Entry, Names } from './names.js';
import type { Roots } from './roots.js';
import type { Segments } from './segments.js';
import type { Xattrs } from './xattrs.js';

export interface Tables {
  readonly counters: Counters;
  readonly inodes: Inodes;
  readonly names: Names;
  readonly xattrs: Xattrs;
  readonly extents: ExtentMap;
  readonly data: FileData;
  readonly segments: Segments;
  readonly disks: Disks;
  readonly roots: Roots;
  readonly deltas: Deltas;
}

const noPlace = { parent: 0, cookie: 0 };

export class RecordApplier {
  readonly #tables: Tables;
  readonly #recordDeltas: boolean;

  constructor(tables: Tables, recordDeltas: boolean) {
    this.#tables = tables;
    this.#recordDeltas = recordDeltas;
  }

  apply(lsn: Lsn, record: JournalRecord): void {
    const { inodes, xattrs, data } = this.#tables;
    const deltas = this.#recordDeltas ? this.#tables.deltas : null;
    switch (record.type) {
      case 'create':
        return this.#create(lsn, record);
      case 'temporary':
        return this.#temporary(lsn, record);
      case 'link':
        return this.#link(lsn, record);
      case 'unlink':
        return this.#unlink(lsn, record);
      case 'rename':
        return record.exchange ? this.#exchange(lsn, record) : this.#rename(lsn, record);
      case 'attribute':
        inodes.setAttributes(record);
        return deltas?.attribute(lsn, record);
      case 'xattr':
        inodes.changed(record.ino, record.time);
        xattrs.set(record);
        return deltas?.xattr(lsn, record);
      case 'write':
      case 'share':
        data.write(record);
        return deltas?.data(lsn, record);
      case 'truncate':
        deltas?.size(lsn, record, this.#tables.segments.unwrittenBytes > 0);
        return data.truncate(record);
      case 'punch':
        data.punch(record);
        return deltas?.hole(lsn, record);
      case 'preallocate':
        data.preallocate(record);
        return deltas?.unwritten(lsn, record);
      // What these two remove was given up by truncate and unlink: no update of their own.
      case 'trim':
        return data.trim(record);
      case 'reap':
        return data.reap(record);
      default:
        return this.#applyStore(lsn, record);
    }
  }

  /** Writes what tables keep in memory: before a commit. */
  settle(): void {
    this.#tables.inodes.settle();
    this.#tables.segments.settle();
  }

  #applyStore(lsn: Lsn, record: StoreRecord): void {
    const { counters, data, segments, disks, roots, deltas } = this.#tables;
    switch (record.type) {
      case 'segment-open':
        return segments.open(record);
      case 'segment-seal':
        return segments.seal(record);
      case 'relocate':
        return data.relocate(record);
      case 'segment-drop':
        return segments.drop(lsn, record.segment);
      case 'segment-forget':
        return segments.forget(record.segment);
      case 'shard-move':
        return segments.moveShard(record);
      case 'delta-shard-drop':
        return segments.dropDeltaShards(record.segments);
      case 'presence':
        return segments.setPresent(record.segment, record.present);
      case 'flush-begin':
        counters.mergeCut = Math.max(counters.mergeCut, record.cut);
        return;
      case 'root':
        return roots.put(record);
      case 'delta-release':
        return deltas.release(record);
      case 'backup-forget':
        segments.forgetBackup(record.segments);
        return roots.forget(record.roots);
      case 'disk':
        return disks.set(record);
      default:
        return unreachable(record);
    }
  }

  #create(lsn: Lsn, record: CreateRecord): void {
    const { inodes, names, xattrs } = this.#tables;
    const place = names.insert(record.parent, record.name, record.ino, record.mode);
    inodes.insert(record, place);
    xattrs.created(record.ino);
    inodes.touchDirectory(record.parent, isDirectory(record.mode) ? 1 : 0, record.time);
    this.#nameDelta(lsn, record.ino, record);
  }

  #temporary(lsn: Lsn, record: TemporaryRecord): void {
    const { inodes, names } = this.#tables;
    inodes.insert({ ...record, rdev: 0, target: null }, noPlace);
    names.addOrphan(record.ino, record.time);
    this.#nameDelta(lsn, record.ino, record);
  }

  #link(lsn: Lsn, record: LinkRecord): void {
    const { inodes, names } = this.#tables;
    const inode = inodes.need(record.ino);
    assert(!isDirectory(inode.mode), `inode ${record.ino} may have another name`);
    const place = names.insert(record.parent, record.name, record.ino, inode.mode);
    if (inode.nlink > 0) names.addOther(record.ino, place);
    else names.adopt(record.ino, place);
    inodes.setLinks(record.ino, inode.nlink + 1, record.time);
    inodes.touchDirectory(record.parent, 0, record.time);
    this.#nameDelta(lsn, record.ino, record);
  }

  #unlink(lsn: Lsn, record: UnlinkRecord): void {
    const { inodes, names } = this.#tables;
    const entry = names.need(record.parent, record.name);
    assert(entry.ino === record.ino, `the name to remove belongs to inode ${record.ino}`);
    names.unlink(entry, record.time);
    inodes.touchDirectory(record.parent, -subdirectories(entry), record.time);
    this.#nameDelta(lsn, record.ino, record);
  }

  #rename(lsn: Lsn, record: RenameRecord): void {
    const { inodes, names } = this.#tables;
    const { fromParent, toParent, time } = record;
    const from = names.need(fromParent, record.fromName);
    const replaced = names.find(toParent, record.toName);
    let gone = 0;
    if (replaced !== null) {
      assert(replaced.ino !== from.ino, 'a rename between two names of one inode does nothing: it makes no record');
      names.unlink(replaced, time);
      gone = subdirectories(replaced);
      this.#nameDelta(lsn, replaced.ino, { type: 'unlink', ino: replaced.ino, parent: toParent, name: record.toName, time });
    }
    names.move(from, names.insert(toParent, record.toName, from.ino, from.type));
    inodes.changed(from.ino, time);
    inodes.touchDirectory(fromParent, -subdirectories(from), time);
    inodes.touchDirectory(toParent, subdirectories(from) - gone, time);
    this.#nameDelta(lsn, from.ino, record);
  }

  #exchange(lsn: Lsn, record: RenameRecord): void {
    const { inodes, names } = this.#tables;
    const { fromParent, toParent, time } = record;
    const one = names.need(fromParent, record.fromName);
    const other = names.need(toParent, record.toName);
    names.exchange(one, other);
    inodes.changed(one.ino, time);
    inodes.changed(other.ino, time);
    inodes.touchDirectory(fromParent, subdirectories(other) - subdirectories(one), time);
    inodes.touchDirectory(toParent, subdirectories(one) - subdirectories(other), time);
    this.#nameDelta(lsn, one.ino, record);
    if (one.ino === other.ino) return;
    const back = { ...record, fromParent: toParent, fromName: record.toName, toParent: fromParent, toName: record.fromName };
    this.#nameDelta(lsn, other.ino, back);
  }

  #nameDelta(lsn: Lsn, ino: Entry['ino'], record: CreateRecord | TemporaryRecord | LinkRecord | UnlinkRecord | RenameRecord): void {
    if (this.#recordDeltas) this.#tables.deltas.name(lsn, ino, record, record.time);
  }
}

/** 1 for a directory: its '..' is a link of the parent. */
function subdirectories(entry: Entry): number {
  return entry.type === directoryType ? 1 : 0;
}
