// A volume of somebody without privileges, on disks that are his: he mounts it through fusermount3, by command and by a `user` line of
// fstab; who may enter goes by its rules. Everybody here is a real other user, and the program is the staged install.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { MountTools, type Outcome } from '../support/mount-tools.js';
import { eventually, mountObstacle, VolumeProcess } from '../support/volume-process.js';

const owner = { uid: 65534, gid: 65534 };
const other = { uid: 54321, gid: 54321 };

describe('a mount of a user', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const { name, mountPoint } = volume;
  const program = volume.path('tools/stage/usr/local/lib/holdfast/scripts/holdfast');
  let tools: MountTools;

  before(async () => {
    chmodSync(volume.folder, 0o755);
    tools = await MountTools.start(volume.path('tools'), volume.environment);
    execFileSync('chown', ['-R', `${owner.uid}:${owner.gid}`, ...['etc', 'var', 'backup', 'mnt'].map((each) => volume.path(each)), ...volume.disks]);
    tools.succeed([program, 'init', name, '--disk', ...volume.disks, '--backup', volume.backupUrl, '--allow-shared-device'], owner);
  });
  afterEach(() => {
    tools.run([program, 'umount', name, '--lazy'], owner);
    tools.fstab();
    tools.fuseConfiguration('');
  });
  after(async () => {
    await tools?.end();
    await volume.end();
  });

  const mount = (...words: readonly string[]): Outcome => tools.run([program, 'mount', name, mountPoint, ...words], owner);
  const lastMessage = (): string => readFileSync(volume.path('var', name, 'holdfast.log'), 'utf8').trim().split('\n').at(-1) ?? '';

  test('holdfast mount: he reads and writes, nosuid and nodev hold, nobody else may enter, not even root', () => {
    const { code, stderr } = mount('-o', 'suid,dev');
    assert.equal(code, 0, stderr);
    const { source, type, options } = tools.mountAt(mountPoint) ?? assert.fail('nothing is mounted');
    assert.deepEqual([source, type], [`holdfast:${name}`, 'fuse.holdfast']);
    assert.deepEqual(['nosuid', 'nodev', `user_id=${owner.uid}`].filter((option) => !options.includes(option)), []);
    assert.ok(!options.includes('allow_other'));
    tools.succeed(['sh', '-c', 'echo mine >"$0"/mine', mountPoint], owner);
    assert.equal(tools.succeed(['stat', '-c', '%u %g', `${mountPoint}/mine`], owner), `${owner.uid} ${owner.gid}\n`);
    for (const person of [undefined, other]) assert.match(tools.run(['cat', `${mountPoint}/mine`], person).stderr, /Permission denied/);
  });

  test('allow_other is refused with what to do until the administrator allows it; then permissions decide', () => {
    const { code, stderr } = mount('-o', 'allow_other');
    assert.equal(code, 1);
    assert.match(stderr, /user_allow_other[\s\S]*\/etc\/fuse\.conf/);
    assert.equal(tools.mountAt(mountPoint), null);
    tools.fuseConfiguration('user_allow_other\n');
    assert.equal(mount('-o', 'allow_other').code, 0);
    tools.succeed(['sh', '-c', 'echo all >"$0"/all; echo own >"$0"/own; chmod 600 "$0"/own', mountPoint], owner);
    assert.equal(tools.succeed(['cat', `${mountPoint}/all`], other), 'all\n');
    assert.equal(tools.succeed(['cat', `${mountPoint}/all`]), 'all\n');
    assert.match(tools.run(['cat', `${mountPoint}/own`], other).stderr, /Permission denied/);
    assert.match(tools.run(['touch', `${mountPoint}/new`], other).stderr, /Permission denied/);
  });

  test('umount(8) by him returns when everything is durable; by somebody else it is refused; by root it works', async () => {
    assert.equal(mount().code, 0);
    tools.succeed(['sh', '-c', 'echo unsynced >"$0"/unsynced', mountPoint], owner);
    assert.notEqual(tools.run(['umount', mountPoint], other).code, 0);
    assert.ok(tools.mountAt(mountPoint) !== null);
    assert.equal(tools.run(['umount', mountPoint], owner).stderr, '');
    assert.match(lastMessage(), /closed; everything is durable/);
    assert.equal(mount().code, 0);
    assert.equal(tools.succeed(['cat', `${mountPoint}/unsynced`], owner), 'unsynced\n');
    assert.match(tools.run(['mount', '-o', 'remount,ro', mountPoint]).stderr, /only root can|not.*there/);
    tools.succeed(['umount', mountPoint]);
    await eventually(async () => /closed; everything is durable/.test(lastMessage()), 'the close');
  });

  test('a user line of fstab: he mounts it with mount(8) and unmounts it', () => {
    tools.fstab(`${name} ${mountPoint} holdfast noauto,user,noatime 0 0`);
    tools.succeed(['mount', mountPoint], owner);
    const { options } = tools.mountAt(mountPoint) ?? assert.fail('nothing is mounted');
    assert.deepEqual(['nosuid', 'nodev', 'noexec', 'noatime', `user_id=${owner.uid}`].filter((option) => !options.includes(option)), []);
    tools.succeed(['umount', mountPoint], owner);
    assert.equal(tools.mountAt(mountPoint), null);
    assert.match(lastMessage(), /closed; everything is durable/);
  });

  test('what is not his is refused with whose it would have to be', () => {
    const { code, stderr } = tools.run([program, 'mount', name, mountPoint], other);
    assert.equal(code, 1);
    assert.match(stderr, /permission denied[\s\S]*^try: it must belong to the user who mounts/m);
    assert.equal(tools.mountAt(mountPoint), null);
  });

  test('his dead mount is replaced', async () => {
    assert.equal(mount().code, 0);
    const { pid } = JSON.parse(tools.succeed([program, 'status', name, '--json'], owner)) as { pid: number }; // our own command's answer
    process.kill(pid, 'SIGKILL');
    await eventually(async () => !existsSync(`/proc/${pid}`), 'the daemon is gone', 10);
    const { code, stderr } = mount();
    assert.deepEqual([code, stderr], [0, '']);
    tools.succeed(['ls', mountPoint], owner);
  });
});
