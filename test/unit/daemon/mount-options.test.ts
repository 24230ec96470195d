// Words of -o and of fstab: which are ours, which go to the kernel, which are for others, which nobody knows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../../../src/base/errors.js';
import { defaultSettings, type MountSettings, type VolumeSettings } from '../../../src/config/settings.js';
import { accessTimesOf, applyMountOptions, isKnownOption, remountSettings } from '../../../src/daemon/mount-options.js';
import { flagsOf } from '../../../src/fuse/mount-flags.js';

const base: VolumeSettings = { ...defaultSettings('photos', '/s'), disks: [{ path: '/d' }], parity: 0, tolerance: 0 };

function mountOf(options: string, fromFile: Partial<MountSettings> = {}): MountSettings {
  return applyMountOptions({ ...base, mount: { ...base.mount, ...fromFile } }, { options: options.split(','), readOnly: false }).mount;
}

test('an fstab line with everything that is usual there is understood', () => {
  const fstab = 'rw,noexec,nosuid,nodev,user,_netdev,nofail,noauto,noatime,nodiratime,allow_other,x-systemd.automount,X-mount.mkdir,comment=mine,user=anna';
  assert.deepEqual(mountOf(fstab), { options: ['noexec', 'nosuid', 'nodev', 'nodiratime'], noatime: true, allowOther: true, readOnly: false, writeback: false });
});

test('of words that contradict each other the last holds, also against the file', () => {
  assert.equal(mountOf('ro,rw').readOnly, false);
  assert.equal(mountOf('', { readOnly: true }).readOnly, true);
  assert.equal(mountOf('rw', { readOnly: true }).readOnly, false);
  assert.equal(mountOf('relatime', { noatime: true }).noatime, false);
  assert.equal(mountOf('allow_other,noallow_other').allowOther, false);
  assert.equal(mountOf('writeback').writeback, true);
  assert.equal(mountOf('nowriteback', { writeback: true }).writeback, false);
  assert.deepEqual(mountOf('exec', { options: ['noexec', 'allow_other'] }), { options: ['noexec', 'exec'], noatime: false, allowOther: true, readOnly: false, writeback: false });
});

test('of words about access times the last holds, and nodiratime is about directories only', () => {
  const times = (options: string, fromFile: Partial<MountSettings> = {}): string => {
    const { atime, nodiratime } = accessTimesOf(mountOf(options, fromFile));
    return nodiratime ? `${atime}, not of directories` : atime;
  };
  assert.equal(times('rw'), 'relatime');
  assert.equal(times('rw', { noatime: true }), 'noatime');
  assert.equal(times('noatime,strictatime'), 'strictatime');
  assert.equal(times('strictatime,noatime'), 'noatime');
  assert.equal(times('strictatime', { noatime: true }), 'strictatime');
  assert.equal(times('relatime', { options: ['strictatime'] }), 'relatime');
  assert.equal(times('strictatime,nodiratime'), 'strictatime, not of directories');
  assert.equal(times('nodiratime,diratime'), 'relatime');
  assert.equal(flagsOf(['relatime', ...mountOf('strictatime,noexec').options]) & ((1 << 21) | (1 << 24)), 1 << 24);
});

test('what nobody knows is refused with what was probably meant', () => {
  assert.throws(() => mountOf('noatme'), (error: unknown) => error instanceof HoldfastError && error.code === 'mount-option' && /did you mean noatime\?/.test(error.hint ?? ''));
  assert.throws(() => mountOf('strictatimes'), { code: 'mount-option' });
  assert.throws(() => mountOf('x=y'), { code: 'mount-option' });
  assert.equal(isKnownOption('data=ordered'), false);
  for (const option of ['ro', 'noexec', 'defaults', 'x-gvfs-show', 'user_id=0']) assert.ok(isKnownOption(option), option);
});

test('a remount is told everything that mount(8) found in the kernel’s table; what it does not name does not hold', () => {
  const words = 'suid,dev,ro,nosuid,nodev,relatime,remount,user_id=0,group_id=0,default_permissions,allow_other,max_read=1048576'.split(',');
  assert.deepEqual(remountSettings(words), { options: ['suid', 'dev', 'nosuid', 'nodev'], noatime: false, allowOther: true, readOnly: true, writeback: false });
  assert.equal(flagsOf(['ro', 'relatime', 'suid', 'dev']), 1 | (1 << 21));
});
