// A whole tree as it is at one moment: contents (SHA-256), types, modes, owners, times to the nanosecond, sizes, hard links,
// link targets, extended attributes, holes, device numbers, names as bytes. Two of them are compared field by field, and what
// differs is named. The tree must be still while it is looked at.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';

const columns = ['path', 'type', 'mode', 'uid', 'gid', 'mtime', 'ctime', 'size', 'inode', 'links', 'device', 'target', 'xattrs', 'data'] as const;
export type TreeField = (typeof columns)[number] | 'sha256' | 'linkedTo';

/** Fields as text; `path` with other than plain bytes as \xHH. `linkedTo`: the first path of the same inode. */
export type TreeEntry = Readonly<Record<TreeField, string>>;

export type Tree = ReadonlyMap<string, TreeEntry>;

/** `except`: paths from the root (`./cache`) that are left out with all below them. */
export function treeOf(folder: string, except: readonly string[] = []): Tree {
  const listing = execFileSync(lister(), [folder], { encoding: 'latin1', maxBuffer: 1 << 30 });
  const rows = listing.split('\n').slice(0, -1);
  const entries = rows.map((row) => row.split('\t')).filter(([path]) => !except.some((left) => path === left || path?.startsWith(`${left}/`)));
  // One order for every filesystem: the order of names in a folder is nobody's promise.
  entries.sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0));
  const firstOf = new Map<string, string>();
  const tree = new Map<string, TreeEntry>();
  for (const values of entries) {
    const fields = Object.fromEntries(columns.map((column, index) => [column, values[index] ?? ''])) as Record<TreeField, string>; // completed below
    if (!firstOf.has(fields.inode)) firstOf.set(fields.inode, fields.path);
    fields.linkedTo = firstOf.get(fields.inode) ?? '';
    fields.sha256 = fields.type !== 'f' ? '' : (tree.get(fields.linkedTo)?.sha256 ?? sha256Of(folder, fields));
    tree.set(fields.path, fields);
  }
  return tree;
}

/** Of one volume at two moments nothing may differ, not even inode numbers and ctimes; a copy elsewhere has others. */
export const ofCopies: readonly TreeField[] = ['inode', 'ctime', 'data'];

/** Lines that name what differs, at most `max` and a count; [] when the trees are equal. */
export function differences(before: Tree, after: Tree, ignore: readonly TreeField[] = [], max = 20): readonly string[] {
  const found: string[] = [];
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(path), after.get(path)];
    if (was === undefined) found.push(`${path}: not there before (${is?.type})`);
    else if (is === undefined) found.push(`${path}: gone (${was.type}, ${was.size} bytes)`);
    else found.push(...changed(was, is, ignore));
  }
  return found.length <= max ? found : [...found.slice(0, max), `... ${found.length} differences in all`];
}

export function assertSameTree(before: Tree, after: Tree, ignore: readonly TreeField[] = []): void {
  assert.ok(before.size > 1, 'there was something to compare');
  const found = differences(before, after, ignore);
  assert.equal(found.length, 0, `the tree is not what it was:\n${found.join('\n')}`);
}

function changed(was: TreeEntry, is: TreeEntry, ignore: readonly TreeField[]): readonly string[] {
  const fields = (Object.keys(was) as TreeField[]).filter((field) => was[field] !== is[field] && !ignore.includes(field)); // an entry has exactly these keys
  // The size of a folder is each filesystem's own matter, so is the number of its links where copies are compared.
  const meant = fields.filter((field) => !(ignore.length > 0 && was.type === 'd' && (field === 'size' || field === 'links')));
  return meant.map((field) => `${was.path}: ${field} was ${was[field] || 'nothing'}, is ${is[field] || 'nothing'}`);
}

const hashBuffer = Buffer.allocUnsafe(1 << 20);
/** Of larger files only the data ranges are read: a hole of a terabyte is a hole. */
const readWholeBytesMax = 2 ** 31;

function sha256Of(folder: string, { path, size, data }: TreeEntry): string {
  const file = openSync(Buffer.concat([Buffer.from(`${folder}/`), unescaped(path)]), 'r');
  try {
    const hash = createHash('sha256');
    const ranges = Number(size) <= readWholeBytesMax ? [`0-${size}`] : data.split(',').filter((range) => range !== '');
    for (const range of ranges) {
      const [from = 0, to = 0] = range.split('-').map(Number);
      for (let at = from; at < to; ) {
        const count = readSync(file, hashBuffer, 0, Math.min(hashBuffer.length, to - at), at);
        assert.ok(count > 0, `${path} ends at ${at}, its size is ${size}`);
        hash.update(hashBuffer.subarray(0, count));
        at += count;
      }
    }
    return hash.digest('hex');
  } finally {
    closeSync(file);
  }
}

/** The bytes of an entry's path, without the `./` before it. */
export function nameOf(path: string): Buffer {
  return unescaped(path).subarray(2);
}

function unescaped(path: string): Buffer {
  return Buffer.from(path.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1');
}

let program: string | null = null;

function lister(): string {
  if (program !== null) return program;
  const folder = mkdtempSync(join(process.env['HOLDFAST_TEST_SCRATCH'] ?? tmpdir(), 'holdfast-tree-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  program = join(folder, 'list-tree');
  execFileSync('cc', ['-O1', '-o', program, join(repositoryRoot, 'test/support/list-tree.c')]);
  return program;
}
