// Labels, and the disks that must not be taken for the right one.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { asDiskId, asLsn, asVolumeId } from '../../../src/base/ids.js';
import { deviceOf, physicalParents, sharingPairs } from '../../../src/disk/device.js';
import { checkFormattable, formatDisk, labelPath, openDisk, readLabel, writeLabel } from '../../../src/disk/label.js';
import { decodeLabel, encodeLabel, type Label } from '../../../src/disk/label-codec.js';

const label: Label = {
  volume: asVolumeId('0a0b0c0d-0102-4304-8506-0708090a0b0c'),
  disk: asDiskId('fedcba98-7654-4210-8fed-cba987654321'),
  created: { sec: 1_763_600_000, nsec: 123_456_789 },
  name: 'Fotos & Ä',
  generation: 7,
  durableLsn: asLsn(2 ** 50 + 1),
};

let folder: string;
let count = 0;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-label-'));
});
after(() => rm(folder, { recursive: true }));

async function emptyDisk(): Promise<string> {
  const path = join(folder, `disk-${(count += 1)}`);
  await mkdir(path);
  return path;
}

const { volume } = label;

it('a label survives being written and read', () => {
  assert.deepEqual(decodeLabel(encodeLabel(label), 'x'), label);
});

it('every damaged byte of a label is noticed, newer versions are refused', () => {
  const bytes = encodeLabel(label);
  const corrupt = { kind: 'corrupt', code: 'disk-label-corrupt' };
  for (const at of [0, 8, 16, 47, 60, 81, 90, 1000, 4091, 4092, 4095]) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 4;
    assert.throws(() => decodeLabel(damaged, 'x'), corrupt, `byte ${at}`);
  }
  assert.throws(() => decodeLabel(bytes.subarray(1), 'x'), corrupt);
});

it('the bytes are those of docs/format/label.md', () => {
  const bytes = encodeLabel(label);
  assert.equal(bytes.subarray(0, 8).toString(), 'holdfast');
  assert.equal(bytes.readUInt32LE(8), 1);
  assert.equal(bytes.subarray(16, 32).toString('hex'), '0a0b0c0d0102430485060708090a0b0c');
  assert.equal(bytes.subarray(32, 48).toString('hex'), 'fedcba98765442108fedcba987654321');
  assert.equal(bytes.readBigInt64LE(48), 1_763_600_000n);
  assert.equal(bytes.readUInt32LE(56), 123_456_789);
  assert.equal(bytes.readBigUInt64LE(64), 7n);
  assert.equal(bytes.readBigUInt64LE(72), 2n ** 50n + 1n);
  assert.equal(bytes.subarray(82, 82 + bytes.readUInt16LE(80)).toString(), 'Fotos & Ä');
});

it('a formatted disk opens, and its label can be renewed', async () => {
  const path = await emptyDisk();
  await formatDisk(path, label);
  const opened = await openDisk(path, { volume, disk: label.disk });
  assert.deepEqual(opened.label, label);
  assert.equal(opened.disk.id, label.disk);
  assert.equal(opened.device, await deviceOf(path));
  await writeLabel(opened.disk, { ...label, generation: 8 });
  assert.equal((await readLabel(opened.disk)).generation, 8);
  await opened.disk.close();
});

it('only an empty directory becomes a disk; nothing is written to any other', async () => {
  const path = await emptyDisk();
  await mkdir(join(path, 'lost+found'));
  await checkFormattable(path);
  await writeFile(join(path, 'photo.jpg'), 'x');
  await assert.rejects(formatDisk(path, label), { code: 'disk-not-empty' });
  assert.deepEqual((await readdir(path)).sort(), ['lost+found', 'photo.jpg']);
  const taken = await emptyDisk();
  await formatDisk(taken, label);
  const before = await readFile(join(taken, labelPath));
  await assert.rejects(formatDisk(taken, { ...label, generation: 1 }), { code: 'disk-taken', message: /Fotos/ });
  assert.ok((await readFile(join(taken, labelPath))).equals(before));
  await assert.rejects(checkFormattable(join(folder, 'nowhere')), { code: 'disk-missing' });
});

it('tells what is wrong at a path where a disk should be', async () => {
  const path = await emptyDisk();
  const opens = (expected = { volume, disk: label.disk }): Promise<unknown> => openDisk(path, expected);
  await assert.rejects(openDisk(join(folder, 'nowhere'), { volume }), { kind: 'unavailable', code: 'disk-missing' });
  await assert.rejects(opens(), { kind: 'unavailable', code: 'disk-unmounted' });
  await writeFile(join(path, 'other'), '');
  await assert.rejects(opens(), { kind: 'conflict', code: 'disk-foreign' });
  await rm(join(path, 'other'));
  await formatDisk(path, label);
  const other = asVolumeId('99999999-9999-4999-8999-999999999999');
  await assert.rejects(opens({ volume: other, disk: label.disk }), { kind: 'conflict', code: 'disk-foreign' });
  await assert.rejects(opens({ volume, disk: asDiskId(other) }), { kind: 'conflict', code: 'disk-mismatch' });
  for (const damage of [Buffer.alloc(4096), Buffer.alloc(0), Buffer.alloc(9000, 1)]) {
    await writeFile(join(path, labelPath), damage);
    await assert.rejects(opens(), { kind: 'corrupt', code: 'disk-label-corrupt' });
  }
});

it('every refusal says what to do', async () => {
  for (const path of [join(folder, 'nowhere'), await emptyDisk()])
    await assert.rejects(openDisk(path, { volume }), (error: { hint?: string }) => (error.hint ?? '').length > 20);
});

it('links inside a disk are not followed', async () => {
  const path = await emptyDisk();
  await formatDisk(path, label);
  const outside = await emptyDisk();
  await symlink(outside, join(path, 'folder'));
  await symlink(join(outside, 'file'), join(path, 'link'));
  const { disk } = await openDisk(path, { volume });
  await assert.rejects(disk.create('folder/a', [Buffer.from('x')]), { kind: 'invalid', code: 'disk-path' });
  await assert.rejects(disk.openLog('link', 4096), { code: 'disk-path' });
  await assert.rejects(disk.read('link', 0, Buffer.alloc(1)), { code: 'disk-path' });
  await disk.replace('link', [Buffer.from('a file of its own')]);
  assert.deepEqual(await readdir(outside), []);
  await disk.close();
});

it('a disk whose directory was removed is gone', async () => {
  const path = await emptyDisk();
  await formatDisk(path, label);
  const { disk } = await openDisk(path, { volume });
  await rm(path, { recursive: true });
  await assert.rejects(disk.create('a', []), { kind: 'unavailable', code: 'disk-gone' });
  await assert.rejects(disk.create('s/a', []), { kind: 'unavailable', code: 'disk-gone' });
  await mkdir(path);
  await assert.rejects(disk.replace('a', []), { code: 'disk-gone' });
  assert.deepEqual(await readdir(path), []);
  await disk.close();
});

it('two directories of one filesystem share a device, tmpfs is another', async () => {
  const [one, two] = [await emptyDisk(), await emptyDisk()];
  assert.equal(await deviceOf(one), await deviceOf(two));
  assert.deepEqual(await physicalParents(one), await physicalParents(two));
  assert.deepEqual(await sharingPairs([one, '/dev/shm', two]), [[one, two]]);
});
