// The life that the golden volume has led: a tree with one of everything, a flush, a clean close, and then changes that are
// sealed but not flushed, and some that are neither, until the daemon is killed. Every byte follows from its place in a file.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { FileOffset } from '../../src/base/file-offset.js';
import { asContentId, asIno, ROOT_INO, type Ino } from '../../src/base/ids.js';
import type { FileRecord } from '../../src/format/records.js';
import { initVolumeWith } from '../../src/volume/init.js';
import type { MountedVolume } from '../../src/volume/mounted-volume.js';
import { openVolumeWith } from '../../src/volume/open.js';
import { must } from '../simulation/lives.js';
import { describeVolume, type Model } from '../simulation/model.js';
import type { Stand } from './stand.js';
import { exactMax, largest, place } from '../support/wide.js';
import { describeTree, shown, shownFrom } from './tree.js';

/** As the kernel would cut a large write. */
const requestBytes = 32 * 1024;

export interface Story {
  readonly treeAtRoot: readonly string[];
  readonly tree: readonly string[];
}

/** `model` goes along: what the volume shows must be what was asked for, whatever the volume does inside. */
export async function liveStory(stand: Stand, model: Model): Promise<Story> {
  const { world } = stand;
  await must(world, initVolumeWith(world.settings, stand.ports()), 'init');
  const first = await must(world, openVolumeWith(world.settings, stand.ports()), 'open');
  const treeAtRoot = await must(world, firstLife(new Author(first, model)), 'first life');
  await must(world, first.close(), 'close');
  const second = await must(world, openVolumeWith(world.settings, stand.ports()), 'open again');
  const tree = await must(world, secondLife(new Author(second, model)), 'second life');
  world.kill();
  second.core.skeleton.close();
  return { treeAtRoot, tree };
}

async function firstLife(author: Author): Promise<readonly string[]> {
  const { volume } = author;
  const docs = await author.create(ROOT_INO, 'docs', 0o040755);
  const deep = await author.create(docs, 'deep', 0o042770);
  await author.create(ROOT_INO, 'empty folder', 0o041777);
  for (const bytes of [0, 1, 4095, 4096, 4097, 65_536, 65_537]) await author.write(await author.create(docs, `${bytes}.bin`, 0o100644), 0, bytes);
  const large = await author.create(deep, 'several segments', 0o100640);
  await author.write(large, 0, 150_000);
  const sparse = await author.create(deep, 'sparse', 0o100600);
  await author.write(sparse, 1_000_000, 10);
  await author.write(sparse, 0, 10_000);
  await author.change({ type: 'punch', ino: sparse, offset: 4096, length: 4096, time: author.now() });
  const short = await author.create(docs, 'was longer', 0o100644);
  await author.write(short, 0, 30_000);
  await author.change({ type: 'truncate', ino: short, size: 12_345, time: author.now() });
  await author.create(ROOT_INO, 'link to docs', 0o120777, { target: 'docs/deep' });
  await author.create(ROOT_INO, 'pipe', 0o010600);
  await author.create(ROOT_INO, 'null', 0o020666, { rdev: 0x0103 });
  const odd = await author.create(docs, Buffer.from([0x20, 0xff, 0xfe, 0x0a, 0x27, 0x22]), 0o104755);
  await author.write(odd, 0, 100);
  await author.change({ type: 'link', ino: odd, parent: deep, name: Buffer.from('n'.repeat(255)), time: author.now() });
  await author.change({ type: 'xattr', ino: odd, name: Buffer.from('user.empty'), value: Buffer.alloc(0), time: author.now() });
  await author.change({ type: 'xattr', ino: docs, name: Buffer.from('user.bytes'), value: Buffer.from([0, 255, 10]), time: author.now() });
  await author.change({ type: 'attribute', ino: odd, uid: 1000, gid: 100, mode: 0o4711, atime: { sec: -1, nsec: 999_999_999 }, mtime: { sec: 5_000_000_000, nsec: 1 }, ctime: author.now() });
  const kept = await author.create(docs, 'with room that is kept', 0o100644);
  await author.write(kept, 3_000, 2_000);
  await author.change({ type: 'preallocate', ino: kept, offset: 1_000, length: 9_000, time: author.now() });
  await author.write(kept, 1_500, 100);
  const gone = await author.create(docs, 'removed before the flush', 0o100644);
  await author.write(gone, 0, 70_000);
  await author.change({ type: 'unlink', ino: gone, parent: docs, name: Buffer.from('removed before the flush'), time: author.now() });
  await author.share(large, 10_000, await author.create(docs, 'part of the large one', 0o100644), 4_000, 60_000);
  const endless = await author.create(deep, 'as large as a file can be', 0o100600);
  await author.resize(endless, largest);
  await author.write(endless, 1_000, 5_000);
  await author.write(endless, 65_000, 536);
  const inexact = await author.create(docs, 'over the end of exact numbers', 0o100600);
  await author.resize(inexact, exactMax + 8n);
  await author.write(inexact, 65_500, 36);
  await author.rest();
  const tree = await author.shown();
  await volume.flush();
  return tree;
}

async function secondLife(author: Author): Promise<readonly string[]> {
  const { volume } = author;
  const docs = author.find(ROOT_INO, 'docs');
  const deep = author.find(docs, 'deep');
  const large = author.find(deep, 'several segments');
  // Sealed, not flushed: more than a segment.
  await author.write(large, 20_000, 70_000);
  await author.write(await author.create(docs, 'after the flush', 0o100644), 0, 40_000);
  await volume.core.pool.sealAll();
  await volume.sync();
  await author.change({ type: 'rename', fromParent: docs, fromName: Buffer.from('1.bin'), toParent: deep, toName: Buffer.from('4097.bin'), exchange: false, time: author.now() });
  await author.change({ type: 'rename', fromParent: docs, fromName: Buffer.from('4095.bin'), toParent: docs, toName: Buffer.from('4096.bin'), exchange: true, time: author.now() });
  await author.change({ type: 'xattr', ino: docs, name: Buffer.from('user.bytes'), value: null, time: author.now() });
  await author.change({ type: 'unlink', ino: author.find(docs, '65537.bin'), parent: docs, name: Buffer.from('65537.bin'), time: author.now() });
  await author.rest();
  await author.share(large, 0, author.find(docs, 'after the flush'), 50_000, 100_000);
  await author.named(docs, 'had no name at first');
  const endless = author.find(deep, 'as large as a file can be');
  await author.share(endless, 2_000, author.find(docs, 'over the end of exact numbers'), 62_000, 3_000);
  await author.hole(endless, 3_000, 1_000);
  await author.write(endless, 65_530, 6);
  // In the journal alone: too little to be sealed.
  await author.write(large, 149_000, 3_000);
  await author.write(await author.create(ROOT_INO, 'unsealed', 0o100600), 0, 5_000);
  await volume.sync();
  return author.shown();
}

/** Makes changes in the volume and in the model alike. Offsets in a file that no memory holds count from the part that is shown: the model has that part alone. */
class Author {
  readonly volume: MountedVolume;
  readonly #model: Model;

  constructor(volume: MountedVolume, model: Model) {
    this.volume = volume;
    this.#model = model;
  }

  now() {
    return this.volume.clock.now();
  }

  find(parent: Ino, name: string): Ino {
    const inode = this.volume.view.lookup(parent, Buffer.from(name));
    assert.ok(inode !== null, `${name} is there`);
    return inode.ino;
  }

  async create(parent: Ino, name: string | Buffer, mode: number, more: { readonly target?: string; readonly rdev?: number } = {}): Promise<Ino> {
    const ino = this.volume.view.nextIno();
    const content = asContentId((mode & 0o170000) === 0o100000 ? ino : 0);
    const target = more.target === undefined ? null : Buffer.from(more.target);
    await this.change({ type: 'create', ino, content, parent, name: Buffer.from(name), mode, uid: 7, gid: 8, rdev: more.rdev ?? 0, target, time: this.now() });
    return asIno(ino);
  }

  async change(record: FileRecord): Promise<void> {
    await this.#admitted(0);
    this.volume.apply(record);
    this.#model.apply({ record });
  }

  async write(ino: Ino, offset: number, bytes: number): Promise<void> {
    const whole = content(ino, offset, bytes);
    for (let done = 0; done < bytes; done += requestBytes) {
      const data = whole.subarray(done, done + requestBytes);
      await this.#admitted(data.length);
      this.volume.write(ino, this.#place(ino, offset + done), data);
      this.#model.apply({ write: { ino, offset: offset + done, data } });
    }
  }

  async share(from: Ino, fromOffset: number, to: Ino, toOffset: number, length: number): Promise<void> {
    await this.#admitted(0);
    assert.equal(this.volume.share(from, this.#place(from, fromOffset), to, this.#place(to, toOffset), length), length);
    this.#model.apply({ share: { from, fromOffset, to, toOffset, length } });
  }

  async resize(ino: Ino, size: bigint): Promise<void> {
    await this.#admitted(0);
    const record = { type: 'truncate', ino, time: this.now() } as const;
    this.volume.apply({ ...record, size: place(size) });
    this.#model.apply({ record: { ...record, size: Number(size - BigInt(shownFrom(place(size)))) } });
  }

  async hole(ino: Ino, offset: number, length: number): Promise<void> {
    await this.#admitted(0);
    const record = { type: 'punch', ino, length, time: this.now() } as const;
    this.volume.apply({ ...record, offset: this.#place(ino, offset) });
    this.#model.apply({ record: { ...record, offset } });
  }

  /** A file that is made without a name and gets one. */
  async named(parent: Ino, name: string): Promise<void> {
    await this.#admitted(0);
    const ino = this.volume.view.nextIno();
    const temporary = { type: 'temporary', ino, content: asContentId(ino), mode: 0o100600, uid: 7, gid: 8, time: this.now() } as const;
    const link = { type: 'link', ino, parent, name: Buffer.from(name), time: this.now() } as const;
    this.volume.hold(ino);
    this.volume.apply(temporary);
    this.volume.apply(link);
    this.volume.unhold(ino, 1);
    this.#model.apply({ temporary, link });
  }

  /** What is removed in slices is gone, and everything is durable. */
  async rest(): Promise<void> {
    await this.volume.orphans.idle();
    await this.volume.sync();
  }

  /** The tree, after the model has agreed to it. */
  async shown(): Promise<readonly string[]> {
    const { volume } = this;
    const seen = await describeVolume(volume.view, async (inode) => Buffer.from(await shown(volume, inode)));
    assert.equal(seen, this.#model.describe());
    return describeTree(volume);
  }

  #place(ino: Ino, offset: number): FileOffset {
    return place(BigInt(shownFrom(this.volume.view.inode(ino)?.size ?? 0)) + BigInt(offset));
  }

  async #admitted(bytes: number): Promise<void> {
    for (let wait = this.volume.admit(bytes); wait !== null; wait = this.volume.admit(bytes)) await wait;
  }
}

/** Lines of text that differ from place to place and pack well: the fixture is small. */
function content(ino: number, offset: number, bytes: number): Buffer {
  const seed = createHash('sha256').update(`${ino} ${offset}`).digest('hex').slice(0, 12);
  let text = '';
  for (let line = 0; text.length < bytes; line++) text += `${seed} line ${line}\n`;
  return Buffer.from(text.slice(0, bytes));
}
