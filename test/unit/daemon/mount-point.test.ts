// What is refused as a mount point, and what the user is told to do instead.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { HoldfastError } from '../../../src/base/errors.js';
import { defaultSettings, type VolumeSettings } from '../../../src/config/settings.js';
import { checkMountPoint, mountTable } from '../../../src/daemon/mount-point.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-point-')));
after(() => rmSync(folder, { recursive: true }));
for (const name of ['empty', 'full', 'd1', 'd1/inside', 'elsewhere']) mkdirSync(join(folder, name));
writeFileSync(join(folder, 'full', 'holiday.jpg'), '');
writeFileSync(join(folder, 'file'), '');
symlinkSync(join(folder, 'empty'), join(folder, 'link'));

const base: VolumeSettings = { ...defaultSettings('photos', '/var/lib/holdfast/photos'), disks: [{ path: join(folder, 'd1') }], parity: 0, tolerance: 0 };

test('an empty directory is fine, also through a link, and its real path is given', () => {
  assert.equal(checkMountPoint(join(folder, 'empty'), base), join(folder, 'empty'));
  assert.equal(checkMountPoint(join(folder, 'link'), base), join(folder, 'empty'));
});

test('what is missing or no directory is refused with what to do', () => {
  assert.throws(() => checkMountPoint(join(folder, 'none'), base), { code: 'mount-point-missing', hint: `mkdir -p ${join(folder, 'none')}` });
  assert.throws(() => checkMountPoint(join(folder, 'file'), base), { code: 'mount-point-not-directory' });
});

test('a directory with files is refused, and the message shows how to bring them in', () => {
  assert.throws(
    () => checkMountPoint(join(folder, 'full'), base),
    (error: HoldfastError) => error.code === 'mount-point-not-empty' && /holiday\.jpg/.test(error.message) && /cp -a .*full\/\. .*photos-new\//.test(error.hint ?? ''),
  );
});

const hidden: readonly (readonly [string, VolumeSettings])[] = [
  ['a disk', { ...base, disks: [{ path: join(folder, 'empty', 'd') }] }],
  ['the state folder', { ...base, stateDir: join(folder, 'empty', 'state') }],
  ['the control socket', { ...base, controlSocketPath: join(folder, 'empty', 'control.sock') }],
  ['the log', { ...base, log: { level: 'info', filePath: join(folder, 'link', 'x.log') } }],
  ['the configuration', { ...base, configPath: join(folder, 'empty', 'photos.toml') }],
  ['the backup directory', { ...base, backup: { url: `file://${folder}/empty/backup`, endpoint: null, region: null, pathStyle: false, profile: null } }],
];
for (const [what, settings] of hidden) {
  test(`${what} below the mount point is refused`, () => {
    assert.throws(() => checkMountPoint(join(folder, 'empty'), settings), { code: 'inside-mount' });
    assert.equal(checkMountPoint(join(folder, 'elsewhere'), settings), join(folder, 'elsewhere'));
  });
}

test('a mount point inside a disk is refused', () => {
  assert.throws(() => checkMountPoint(join(folder, 'd1', 'inside'), base), { code: 'mount-inside-disk' });
});

test('the kernel’s table is read', () => {
  assert.ok(mountTable().some((entry) => entry.point === '/proc' && entry.type === 'proc'));
});
