// One process per volume and per disk; the lock dies with its holder.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { defaultSettings, type VolumeSettings } from '../../../src/config/settings.js';
import { lockHolder, VolumeLock } from '../../../src/daemon/volume-lock.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'd1'));
mkdirSync(join(folder, 'd2'));

function settings(state: string, ...disks: readonly string[]): VolumeSettings {
  return { ...defaultSettings('photos', join(folder, state)), disks: disks.map((disk) => ({ path: join(folder, disk) })), parity: 0, tolerance: 0 };
}

test('a second holder is told who holds it, and gets it after the release', () => {
  const mine = VolumeLock.acquire(settings('s1', 'd1', 'd2'), 'mount', '/mnt/x');
  assert.throws(() => VolumeLock.acquire(settings('s1', 'd1', 'd2'), 'flush', null), { code: 'volume-mounted', message: `volume photos is mounted already at /mnt/x (pid ${process.pid})` });
  mine.release();
  const other = VolumeLock.acquire(settings('s1', 'd1', 'd2'), 'flush', null);
  assert.throws(() => VolumeLock.acquire(settings('s1', 'd1', 'd2'), 'status', null), { code: 'volume-busy' });
  assert.equal(lockHolder(settings('s1', 'd1'))?.purpose, 'flush');
  other.release();
});

test('a disk is held too, against another configuration over the same disks', () => {
  const mine = VolumeLock.acquire(settings('s1', 'd1'), 'mount', '/mnt/x');
  assert.throws(() => VolumeLock.acquire(settings('s2', 'd2', 'd1'), 'mount', '/mnt/y'), { code: 'disk-busy' });
  // What was refused holds nothing back.
  VolumeLock.acquire(settings('s2', 'd2'), 'mount', '/mnt/y').release();
  mine.release();
});

test('a missing disk does not stand in the way', () => {
  VolumeLock.acquire(settings('s3', 'd1', 'gone'), 'mount', '/mnt/x').release();
});

test('a lock ends with the process that held it, however that ends', async () => {
  const script = `
    import { VolumeLock } from ${JSON.stringify(new URL('../../../src/daemon/volume-lock.js', import.meta.url).href)};
    VolumeLock.acquire(${JSON.stringify(settings('s4', 'd1'))}, 'mount', '/mnt/z');
    console.log('held');
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => holder.on('exit', resolve));
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  assert.throws(() => VolumeLock.acquire(settings('s4', 'd1'), 'mount', '/mnt/x'), { code: 'volume-mounted' });
  holder.kill('SIGKILL');
  await ended;
  VolumeLock.acquire(settings('s4', 'd1'), 'mount', '/mnt/x').release();
});
