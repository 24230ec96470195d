// All disks are full, by what was written to the volume and by what others wrote beside it: ENOSPC at write(2), reads and deletes go on,
// and when there is room again all is as before. Small filesystems in memory stand for the disks.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { eventually, mountObstacle, VolumeProcess } from '../support/volume-process.js';

const mebibyte = 1 << 20;

describe('full disks', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();

  before(async () => {
    for (const disk of volume.disks) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300M', 'tmpfs', disk]);
    await volume.init();
    await volume.mount();
  });
  after(() => volume.end());

  const write = (file: string, mebibytes: number): string =>
    spawnSync('dd', ['if=/dev/urandom', `of=${volume.at(file)}`, 'bs=1M', `count=${mebibytes}`, 'conv=fsync', 'status=none'], { encoding: 'utf8' }).stderr;

  /** Writes until there is no room; gives the files that are whole, with their content. */
  function fill(prefix: string): Map<string, Buffer> {
    const whole = new Map<string, Buffer>();
    for (let file = 0; file < 200; file++) {
      const name = `${prefix}-${file}`;
      const refused = write(name, 8);
      if (refused === '') whole.set(name, readFileSync(volume.at(name)));
      else {
        assert.match(refused, /No space left on device/);
        return whole;
      }
    }
    throw new Error('it never filled');
  }

  function assertReadable(kept: ReadonlyMap<string, Buffer>): void {
    for (const [name, bytes] of kept) assert.ok(readFileSync(volume.at(name)).equals(bytes), name);
  }

  /** What must go on: reading, names, deleting, shrinking, syncing. */
  function goesOn(kept: ReadonlyMap<string, Buffer>): void {
    assertReadable(kept);
    mkdirSync(volume.at('folder'), { recursive: true });
    writeFileSync(volume.at('folder/empty'), '');
    renameSync(volume.at('folder/empty'), volume.at('folder/renamed'));
    assert.ok(readdirSync(volume.at('folder')).includes('renamed'));
    const [first] = [...kept.keys()];
    truncateSync(volume.at(first ?? ''), 5);
    assert.equal(statSync(volume.at(first ?? '')).size, 5);
    execFileSync('sync', [volume.at('folder')]);
  }

  async function assertNoDiskFailed(): Promise<void> {
    const { state, disks } = await volume.status();
    assert.ok(state === 'serving' || state === 'degraded', state);
    for (const disk of disks) assert.match(disk.state, /^(healthy|full)$/, disk.reason);
  }

  test('what is preallocated is there when all else is full, also after kill -9, and a larger preallocation is refused as a whole', async () => {
    const room = 64 * mebibyte;
    execFileSync('fallocate', ['-l', String(room), volume.at('kept-room')]);
    assert.equal(statSync(volume.at('kept-room')).blocks * 512, room);
    const kept = fill('beside');
    const refused = spawnSync('fallocate', ['-l', '300M', volume.at('too-large')], { encoding: 'utf8' });
    assert.match(refused.stderr, /No space left on device/);
    assert.equal(statSync(volume.at('too-large')).size, 0);
    await volume.signal('SIGKILL');
    await volume.mount();
    // What was never synced is gone, and its room is there.
    const more = fill('more');
    execFileSync('dd', ['if=/dev/urandom', `of=${volume.at('kept-room')}`, 'bs=1M', 'count=64', 'conv=notrunc,fsync', 'status=none']);
    goesOn(new Map([...kept, ...more]));
    for (const name of readdirSync(volume.mountPoint)) rmSync(volume.at(name), { recursive: true });
    await assertNoDiskFailed();
    execFileSync('fallocate', ['-l', '200M', volume.at('again')]);
    rmSync(volume.at('again'));
  });

  test('by the volume itself: no room at write, everything else goes on, and room comes back with deleting', async () => {
    const kept = fill('own');
    assert.ok(kept.size > 10, `${kept.size} files of 8 MiB`);
    assert.match(volume.log, /no room for \d+ bytes/);
    goesOn(kept);
    await assertNoDiskFailed();
    assert.equal((await volume.status()).redundancy.held, true);
    for (const name of readdirSync(volume.mountPoint)) rmSync(volume.at(name), { recursive: true });
    assert.equal(write('again', 64), '', 'what was deleted is room again, for who comes next');
    await volume.umount();
    await volume.mount();
    assert.equal(statSync(volume.at('again')).size, 64 * mebibyte);
  });

  /** root may take what the volume keeps back for itself. */
  const fillByOthers = (): void => {
    for (const disk of volume.disks) spawnSync('dd', ['if=/dev/zero', `of=${disk}/filler`, 'bs=1M', 'status=none']);
  };

  /** What was in memory while the disks filled up (here: what the cleaner moves) may find room neither in shards nor in the journal: then the journal waits, and says so. */
  async function goesOnOrSaysWhy(kept: ReadonlyMap<string, Buffer>): Promise<void> {
    try {
      goesOn(kept);
    } catch (error) {
      assert.match(String(error), /ENOSPC|No space left/);
      assert.match((await volume.status()).redundancy.reasons.join(), /no room for the journal/);
    }
  }

  async function emptiedByOthers(): Promise<void> {
    for (const disk of volume.disks) rmSync(`${disk}/filler`);
    await eventually(async () => write('after', 8) === '', 'there is room again');
    // What had been accepted before the disks were seen to be full may have been sealed with less redundancy; `status` said so.
    await eventually(async () => (await volume.status()).redundancy.held, 'all redundancy is there again', 500);
    await assertNoDiskFailed();
  }

  test('by others, to the last byte: the same, and nobody waits for room that cannot come', async () => {
    const kept = new Map([0, 1, 2].map((file) => [`before-${file}`, Buffer.alloc(3 * mebibyte, file + 1)]));
    // Its room would come back with the next image, and the disks take none.
    rmSync(volume.at('again'));
    for (const [name, bytes] of kept) writeFileSync(volume.at(name), bytes);
    execFileSync('sync', [volume.at('before-0')]);
    fillByOthers();
    await eventually(async () => (await volume.status()).space.freeBytes === 0, 'the disks are seen to be full');
    for (let round = 0; round < 3; round++) assert.match(write('refused', 8), /No space left/);
    assertReadable(kept);
    await goesOnOrSaysWhy(kept);
    await assertNoDiskFailed();
    await emptiedByOthers();
    await volume.umount();
    await volume.mount();
    assert.equal(statSync(volume.at('after')).size, 8 * mebibyte);
    assert.match(await volume.findings(), /no findings/);
  });

  test('by others while somebody writes: what was accepted and fits nowhere waits in memory, and what was synced stays', async () => {
    const synced = new Map<string, Buffer>();
    const filling = volume.disks.map((disk) => spawn('dd', ['if=/dev/zero', `of=${disk}/filler`, 'bs=64k', 'status=none'], { stdio: 'ignore' }));
    const filled = Promise.all(filling.map((child) => once(child, 'close')));
    for (let round = 0, refused = 0; refused < 3; round++) {
      assert.ok(round < 200, 'it never filled');
      const name = `while-${round}`;
      if (write(name, 3) === '') synced.set(name, readFileSync(volume.at(name)));
      else refused++;
    }
    await filled;
    assertReadable(synced);
    await assertNoDiskFailed();
    await emptiedByOthers();
    await volume.signal('SIGKILL');
    await volume.mount();
    assertReadable(synced);
    assert.match(await volume.findings(), /no findings/);
    await volume.umount();
  });
});
