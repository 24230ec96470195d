// A filesystem in plain Maps: what the volume must equal. Knows nothing of journals or segments.
// describe() gives one canonical text of the whole tree, the same as describeVolume() gives for a real volume.
import { createHash } from 'node:crypto';
import type { Ino } from '../../src/base/ids.js';
import type { FileRecord, LinkRecord, TemporaryRecord } from '../../src/format/records.js';
import type { Timespec } from '../../src/base/clock.js';
import type { SkeletonView } from '../../src/volume/contract.js';
import type { Inode } from '../../src/skeleton/contract.js';
import { entriesOf } from '../../src/skeleton/name-list.js';

interface Node {
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  mtime: Timespec;
  data: Buffer;
  readonly target: string | null;
  readonly names: Map<string, number>;
  readonly xattrs: Map<string, string>;
}

/** One change as the workload makes it; data is kept here, not in the record. */
export type Change =
  | { readonly record: FileRecord }
  /** A file that gets its only name later in the same turn. */
  | { readonly temporary: TemporaryRecord; readonly link: LinkRecord }
  | { readonly share: { readonly from: number; readonly fromOffset: number; readonly to: number; readonly toOffset: number; readonly length: number } }
  | { readonly write: { readonly ino: number; readonly offset: number; readonly data: Buffer } };

const key = (name: Buffer): string => name.toString('latin1');

export class Model {
  readonly nodes = new Map<number, Node>();

  constructor() {
    this.nodes.set(1, { ino: 1, mode: 0o40755, uid: 0, gid: 0, mtime: { sec: 0, nsec: 0 }, data: Buffer.alloc(0), target: null, names: new Map(), xattrs: new Map() });
  }

  apply(change: Change): void {
    if ('write' in change) {
      const { ino, offset, data } = change.write;
      const node = this.#node(ino);
      if (node.data.length < offset + data.length) node.data = Buffer.concat([node.data, Buffer.alloc(offset + data.length - node.data.length)]);
      else node.data = Buffer.from(node.data);
      data.copy(node.data, offset);
      return;
    }
    if ('share' in change) {
      const { from, fromOffset, to, toOffset, length } = change.share;
      const data = Buffer.from(this.#node(from).data.subarray(fromOffset, fromOffset + length));
      return this.apply({ write: { ino: to, offset: toOffset, data } });
    }
    if ('temporary' in change) {
      const { ino, mode, uid, gid, time } = change.temporary;
      this.nodes.set(ino, { ino, mode, uid, gid, mtime: time, data: Buffer.alloc(0), target: null, names: new Map(), xattrs: new Map() });
      return this.apply({ record: change.link });
    }
    const r = change.record;
    switch (r.type) {
      case 'create': {
        this.nodes.set(r.ino, { ino: r.ino, mode: r.mode, uid: r.uid, gid: r.gid, mtime: r.time, data: Buffer.alloc(0), target: r.target === null ? null : key(r.target), names: new Map(), xattrs: new Map() });
        this.#node(r.parent).names.set(key(r.name), r.ino);
        return;
      }
      case 'link':
        this.#node(r.parent).names.set(key(r.name), r.ino);
        return;
      case 'unlink':
        this.#node(r.parent).names.delete(key(r.name));
        return;
      case 'rename': {
        const from = this.#node(r.fromParent).names;
        const to = this.#node(r.toParent).names;
        const moved = from.get(key(r.fromName));
        const other = to.get(key(r.toName));
        if (moved === undefined) throw new Error('model: renamed name is missing');
        if (r.exchange) {
          if (other === undefined) throw new Error('model: exchanged name is missing');
          from.set(key(r.fromName), other);
        } else from.delete(key(r.fromName));
        to.set(key(r.toName), moved);
        return;
      }
      case 'attribute': {
        const node = this.#node(r.ino);
        if (r.mode !== undefined) node.mode = (node.mode & ~0o7777) | r.mode;
        if (r.uid !== undefined) node.uid = r.uid;
        if (r.gid !== undefined) node.gid = r.gid;
        return;
      }
      case 'xattr': {
        const node = this.#node(r.ino);
        if (r.value === null) node.xattrs.delete(key(r.name));
        else node.xattrs.set(key(r.name), r.value.toString('hex'));
        return;
      }
      case 'truncate': {
        const node = this.#node(r.ino);
        const size = Number(r.size);
        const next = Buffer.alloc(size);
        node.data.copy(next, 0, 0, Math.min(size, node.data.length));
        node.data = next;
        return;
      }
      case 'punch': {
        const node = this.#node(r.ino);
        node.data = Buffer.from(node.data);
        node.data.fill(0, Math.min(Number(r.offset), node.data.length), Math.min(Number(r.offset) + Number(r.length), node.data.length));
        return;
      }
      // Changes no byte and no size.
      case 'preallocate':
        return;
      default:
        throw new Error(`model: unexpected ${r.type}`);
    }
  }

  clone(): Model {
    const copy = new Model();
    for (const node of this.nodes.values()) copy.nodes.set(node.ino, { ...node, names: new Map(node.names), xattrs: new Map(node.xattrs) });
    return copy;
  }

  describe(): string {
    const lines: string[] = [];
    const walk = (ino: number, path: string): void => {
      const node = this.#node(ino);
      for (const name of [...node.names.keys()].sort()) {
        const child = this.#node(node.names.get(name) ?? 0);
        const at = `${path}/${name}`;
        lines.push(line(at, child.ino, child.mode, child.uid, child.gid, child.target ?? '', [...child.xattrs].sort(), child.data));
        if ((child.mode & 0o170000) === 0o40000) walk(child.ino, at);
      }
    };
    walk(1, '');
    return lines.join('\n');
  }

  #node(ino: number): Node {
    const node = this.nodes.get(ino);
    if (node === undefined) throw new Error(`model: no inode ${ino}`);
    return node;
  }
}

function line(path: string, ino: number, mode: number, uid: number, gid: number, target: string, xattrs: readonly (readonly [string, string])[], data: Buffer): string {
  const hash = createHash('sha256').update(data).digest('hex').slice(0, 16);
  return `${path} ino=${ino} mode=${mode.toString(8)} uid=${uid} gid=${gid} target=${target} x=${JSON.stringify(xattrs)} size=${data.length} data=${hash}`;
}

/** The same text for a real volume; reads every byte. */
export async function describeVolume(view: SkeletonView, read: (inode: Inode) => Promise<Buffer>): Promise<string> {
  const lines: string[] = [];
  const walk = async (ino: Ino, path: string): Promise<void> => {
    const entries = [...entriesOf(view.childNames(ino, 0, 100_000))].sort((a, b) => (key(a.name) < key(b.name) ? -1 : 1));
    for (const entry of entries) {
      const inode = view.inode(entry.ino);
      if (inode === null) throw new Error(`${path}/${key(entry.name)} points to no inode`);
      const regular = (inode.mode & 0o170000) === 0o100000;
      const data = regular ? await read(inode) : Buffer.alloc(0);
      const target = view.symlinkTarget(inode.ino);
      const xattrs = view.xattrNames(inode.ino).map((name) => [key(name), view.xattr(inode.ino, name)?.toString('hex') ?? ''] as const);
      const at = `${path}/${key(entry.name)}`;
      lines.push(line(at, inode.ino, inode.mode, inode.uid, inode.gid, target === null ? '' : key(target), [...xattrs].sort(), data));
      if ((inode.mode & 0o170000) === 0o40000) await walk(inode.ino, at);
    }
  };
  await walk(1 as Ino, '');
  return lines.join('\n');
}
