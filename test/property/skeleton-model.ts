// The skeleton as plain maps, written from the meaning of the records alone: what the property test compares with.
// Files have one address per unit of `unit` bytes, so that extents need no cleverness here; all places are bigints.
import type { Timespec } from '../../src/base/clock.js';
import type { FileRecord } from '../../src/format/records.js';

export const unit = 1024n;
/** Instead of an address: there is only room. */
export const unwritten = '0:0';

export interface ModelInode {
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  size: bigint;
  mtime: Timespec;
  ctime: Timespec;
  /** segment:offset of each unit that is no hole; past the size there is only room. */
  units: Map<bigint, string>;
  readonly xattrs: Map<string, string>;
  /** `parent/name` of each link, as strings. */
  readonly names: Set<string>;
}

export class Model {
  readonly inodes = new Map<number, ModelInode>();

  clone(): Model {
    const copy = new Model();
    for (const [ino, inode] of this.inodes) {
      copy.inodes.set(ino, { ...inode, units: new Map(inode.units), xattrs: new Map(inode.xattrs), names: new Set(inode.names) });
    }
    return copy;
  }

  get(ino: number): ModelInode {
    const inode = this.inodes.get(ino);
    if (inode === undefined) throw new Error(`model: no inode ${ino}`);
    return inode;
  }

  holder(parent: number, name: string): ModelInode | undefined {
    for (const inode of this.inodes.values()) if (inode.names.has(`${parent}/${name}`)) return inode;
    return undefined;
  }

  /** `only`: nothing but what the record does to this inode (a delta row speaks of one inode). */
  apply(record: FileRecord, only?: number): void {
    switch (record.type) {
      case 'create':
        this.inodes.set(record.ino, {
          ino: record.ino, mode: record.mode, uid: record.uid, gid: record.gid, size: BigInt(record.target?.length ?? 0), mtime: record.time, ctime: record.time,
          units: new Map(), xattrs: new Map(), names: new Set([`${record.parent}/${record.name}`]),
        });
        return;
      case 'temporary':
        this.inodes.set(record.ino, {
          ino: record.ino, mode: record.mode, uid: record.uid, gid: record.gid, size: 0n, mtime: record.time, ctime: record.time,
          units: new Map(), xattrs: new Map(), names: new Set(),
        });
        return;
      case 'link':
        this.get(record.ino).names.add(`${record.parent}/${record.name}`);
        this.get(record.ino).ctime = record.time;
        return;
      case 'unlink':
        this.get(record.ino).names.delete(`${record.parent}/${record.name}`);
        this.get(record.ino).ctime = record.time;
        return;
      case 'rename': {
        const from = `${record.fromParent}/${record.fromName}`;
        const to = `${record.toParent}/${record.toName}`;
        const moved = only === undefined ? this.holder(record.fromParent, record.fromName.toString()) : this.get(only);
        const other = only === undefined ? this.holder(record.toParent, record.toName.toString()) : undefined;
        if (moved === undefined) throw new Error('model: nothing to rename');
        moved.names.delete(from);
        other?.names.delete(to);
        moved.names.add(to);
        if (other !== undefined) other.ctime = record.time;
        if (record.exchange) other?.names.add(from);
        moved.ctime = record.time;
        return;
      }
      case 'attribute': {
        const inode = this.get(record.ino);
        if (record.mode !== undefined) inode.mode = (inode.mode & 0o170000) | record.mode;
        inode.uid = record.uid ?? inode.uid;
        inode.gid = record.gid ?? inode.gid;
        inode.mtime = record.mtime ?? inode.mtime;
        inode.ctime = record.ctime;
        return;
      }
      case 'xattr': {
        const inode = this.get(record.ino);
        if (record.value === null) inode.xattrs.delete(record.name.toString());
        else inode.xattrs.set(record.name.toString(), record.value.toString());
        inode.ctime = record.time;
        return;
      }
      case 'write':
      case 'share':
        return this.data(record.ino, BigInt(record.offset), BigInt(record.length), { segment: record.segment, offset: record.segmentOffset }, record.time);
      case 'punch':
        return this.data(record.ino, BigInt(record.offset), BigInt(record.length), null, record.time);
      case 'preallocate': {
        const inode = this.get(record.ino);
        const end = BigInt(record.offset) + BigInt(record.length);
        for (let at = BigInt(record.offset); at < end; at += unit) if (!inode.units.has(at / unit)) inode.units.set(at / unit, unwritten);
        inode.ctime = record.time;
        return;
      }
      case 'truncate': {
        const inode = this.get(record.ino);
        const shrinks = BigInt(record.size) <= inode.size;
        inode.size = BigInt(record.size);
        if (shrinks) for (const index of inode.units.keys()) if (index * unit >= inode.size) inode.units.delete(index);
        inode.mtime = record.time;
        inode.ctime = record.time;
        return;
      }
      case 'trim':
        return;
      case 'reap':
        // Gone once its rows are: the caller says when.
        return;
    }
  }

  data(ino: number, offset: bigint, length: bigint, place: { readonly segment: number; readonly offset: number } | null, time: Timespec): void {
    const inode = this.get(ino);
    const end = offset + length;
    for (const index of inode.units.keys()) if (index * unit >= offset && index * unit < end) inode.units.delete(index);
    if (place !== null) {
      if (end > inode.size) inode.size = end;
      for (let at = offset; at < end; at += unit) inode.units.set(at / unit, `${place.segment}:${place.offset + Number(at - offset)}`);
    }
    inode.mtime = time;
    inode.ctime = time;
  }
}

/** One line for an inode, the same for equal ones. */
export function describe(inode: ModelInode): string {
  const units = [...inode.units].sort(([a], [b]) => (a < b ? -1 : 1)).map(([index, place]) => `${index}=${place}`);
  const xattrs = [...inode.xattrs].sort().map(([name, value]) => `${name}=${value}`);
  const time = (t: Timespec): string => `${t.sec}.${t.nsec}`;
  return [
    inode.ino, inode.mode.toString(8), inode.uid, inode.gid, inode.size, time(inode.mtime), time(inode.ctime),
    units.join(' '), xattrs.join(' '), [...inode.names].sort().join(' '),
  ].join(' | ');
}
