// A number one higher than the known version is refused, with a message that names the thing and both numbers: whole bytes of a
// newer program are never taken for damage, healed, replaced or passed over. And the schema of the skeleton is what it was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sqlite } from '../../src/skeleton/sqlite.js';
import { crc32c } from '../../src/native/checksum.js';
import { asVolumeId } from '../../src/base/ids.js';
import { HoldfastError } from '../../src/base/errors.js';
import { readMarker } from '../../src/backup/marker.js';
import { decodeRoot } from '../../src/backup/root-body.js';
import { decodeAnnouncement } from '../../src/backup/image-reference.js';
import { openBackup } from '../../src/backup/backup.js';
import { decodeLabel } from '../../src/disk/label-codec.js';
import { decodeFileHeader } from '../../src/format/batch-file.js';
import { decodeGenerations } from '../../src/format/generation-codec.js';
import { decodeShardHeader } from '../../src/format/shard.js';
import { InlineCodec } from '../../src/native/inline-codec.js';
import { MemoryObjectStore } from '../../src/objectstore/memory-object-store.js';
import { formatVersion } from '../../src/skeleton/schema.js';
import { createSkeleton, openSkeleton } from '../../src/skeleton/skeleton.js';
import { materialize } from '../../src/volume/recover-skeleton.js';
import { openVolumeWith } from '../../src/volume/open.js';
import { must } from '../simulation/lives.js';
import { World } from '../simulation/world.js';
import { filesLike, fixtureSets, readFixture, type StoredFiles, unstored } from './fixture.js';
import { Stand } from './stand.js';

const fixture = readFixture(fixtureSets().at(-1) ?? 0);
const aDisk: StoredFiles = Object.values(fixture.disks)[0] ?? {};

function one(files: StoredFiles, pattern: RegExp): Buffer {
  const found = filesLike(files, pattern)[0];
  assert.ok(found !== undefined, `the fixture has ${pattern}`);
  return found.bytes;
}

/** The version in bytes 8 to 11 one up, and the checksum in the last four of `covered` bytes right again. */
function newer(bytes: Buffer, covered = bytes.length): Buffer {
  const copy = Buffer.from(bytes.subarray(0, covered));
  copy.writeUInt32LE(copy.readUInt32LE(8) + 1, 8);
  copy.writeUInt32LE(crc32c(copy.subarray(0, covered - 4)), covered - 4);
  return copy;
}

const newerJson = (bytes: Buffer): Buffer => Buffer.from(bytes.toString('utf8').replace(/"version":(\d+),/, (_, version: string) => `"version":${Number(version) + 1},`));

function refused(act: () => unknown, what: RegExp): void {
  assert.throws(act, (error) => isRefusal(error, what));
}

function isRefusal(error: unknown, what: RegExp): boolean {
  assert.ok(error instanceof HoldfastError && error.kind === 'invalid', String(error));
  assert.match(error.message, what);
  const [, found, known] = /(?:version|format) (\d+).* knows (?:versions? |formats )?(?:up to )?(\d+)$/.exec(error.message) ?? [];
  assert.ok(found !== undefined && Number(found) === Number(known) + 1, error.message);
  assert.match(error.hint ?? '', /version of holdfast that wrote it/);
  return true;
}

test('a label, a generations file, a journal file and a shard of the next version are refused by name', () => {
  refused(() => decodeLabel(newer(one(aDisk, /^holdfast\.label$/)), '/disks/a'), /label of disk \/disks\/a/);
  refused(() => decodeGenerations(newer(one(aDisk, /^generations$/))), /generations file/);
  refused(() => decodeFileHeader(newer(one(aDisk, /^journal\//), 4096)), /journal file/);
  refused(() => decodeShardHeader(newer(one(aDisk, /^shards\//), 4096)), /shard file/);
});

test('a marker, a root and an announcement of the next version are refused by name', async () => {
  refused(() => decodeRoot(newerJson(one(fixture.backup, /^roots\//)), 1, 'roots/0000000001'), /roots\/0000000001/);
  refused(() => decodeAnnouncement(newerJson(one(aDisk, /^image\/images\//)), 'images/x'), /images\/x/);
  const store = new MemoryObjectStore();
  await store.put('holdfast.json', [newerJson(one(fixture.backup, /^holdfast\.json$/))], { ifAbsent: true });
  await assert.rejects(readMarker(store), (error) => isRefusal(error, /holdfast\.json/));
});

for (const [what, pattern, bytesOf] of [
  ['generations', /^generations$/, (bytes: Buffer) => newer(bytes)],
  ['journal', /^journal\//, (bytes: Buffer) => Buffer.concat([newer(bytes, 4096), bytes.subarray(4096)])],
] as const) {
  test(`a volume on whose disks a newer program has written (${what}) is not mounted, and no byte of it changes`, async () => {
    const stand = await Stand.of(fixture, { disks: true });
    try {
      for (const disk of stand.world.slots.values()) for (const path of disk.paths()) if (pattern.test(path)) disk.tamper(path, bytesOf);
      const before = await stand.filesOfDisks();
      await assert.rejects(must(stand.world, openVolumeWith(stand.world.settings, stand.ports()), 'open'), (error) => isRefusal(error, /generations|journal/));
      assert.deepEqual(await stand.filesOfDisks(), before);
    } finally {
      stand.world.remove();
    }
  });
}

test('a backup in which a newer program has written a root keeps the volume from mounting, and the root is not passed over', async () => {
  const stand = await Stand.of(fixture, { disks: true });
  try {
    const { store } = stand.world;
    const last =
      store
        .keys()
        .filter((key) => key.startsWith('roots/'))
        .at(-1) ?? '';
    store.damage(last, newerJson);
    await assert.rejects(must(stand.world, openVolumeWith(stand.world.settings, stand.ports()), 'open'), (error) => isRefusal(error, /roots\//));
  } finally {
    stand.world.remove();
  }
});

test('the skeleton in an image has the tables that this program makes, and one of the next format is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-golden-'));
  const world = new World(1, fixture.shape);
  const store = new MemoryObjectStore();
  try {
    for (const [key, object] of Object.entries(fixture.backup)) await store.put(key, [unstored(object)], { ifAbsent: true });
    const { volume } = (await readMarker(store)) ?? { volume: asVolumeId('') };
    const backup = openBackup({ store, volume, codec: new InlineCodec(), clock: world.scheduler.clock, random: world.random, logger: world.logger });
    const image = (await backup.roots.list()).at(-1)?.image;
    assert.ok(image != null, 'the fixture has a root');
    const old = join(folder, 'old.db');
    await materialize(backup.images, image, old);
    const made = join(folder, 'new.db');
    createSkeleton(made, { volume, time: { sec: 0, nsec: 0 }, recordDeltas: true, rootUid: 0, rootGid: 0, random: world.random }).close();
    assert.deepEqual(schemaOf(old), schemaOf(made), 'the tables of the skeleton changed: raise its format, keep a reader for the old one, and make the next golden set (docs/format/README.md)');
    openSkeleton(old, { volume, recordDeltas: true }).close();
    const next = formatVersion + 1;
    const db = new Sqlite(old);
    db.prepare("UPDATE meta SET value = ? WHERE key = 'format'").run(String(next));
    db.close();
    refused(() => openSkeleton(old, { volume, recordDeltas: true }), /skeleton/);
  } finally {
    world.remove();
    rmSync(folder, { recursive: true });
  }
});

function schemaOf(path: string): unknown {
  const db = new Sqlite(path, { readonly: true });
  try {
    return [db.pragma('application_id'), db.pragma('page_size'), db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name').all()];
  } finally {
    db.close();
  }
}
