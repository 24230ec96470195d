// systemd's own tools judge the units that `make install` puts down, and what systemd makes of lines in /etc/fstab; a unit is started
// when the mount answers.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { repositoryRoot } from '../repository.js';
import { mountObstacle, VolumeProcess } from '../support/volume-process.js';

const generator = '/lib/systemd/system-generators/systemd-fstab-generator';
const obstacle = spawnSync('systemd-analyze', ['--version']).status !== 0 || !existsSync(generator) ? 'needs systemd' : null;

describe('systemd', { skip: obstacle ?? false }, () => {
  const folder = mkdtempSync(join(process.env['HOLDFAST_TEST_SCRATCH'] ?? tmpdir(), 'systemd-'));
  const units = join(folder, 'units');
  const staged = join(folder, 'usr/local');

  before(() => {
    execFileSync(join(repositoryRoot, 'scripts/install-files'), { env: { ...process.env, DESTDIR: folder, PREFIX: '/usr/local' } });
    mkdirSync(units);
    const installed = join(staged, 'lib/systemd/system');
    // As if it were installed in earnest: verify looks whether the programs are there.
    for (const name of readdirSync(installed)) writeFileSync(join(units, name), readFileSync(join(installed, name), 'utf8').replaceAll('/usr/local/bin/', `${staged}/bin/`));
    for (const name of readdirSync(units)) copyFileSync(join(units, name), join(units, name.replace('@', '@photos')));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function verify(...names: readonly string[]): void {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...names.map((name) => join(units, name))], { encoding: 'utf8' });
    assert.deepEqual([status, stderr.trim()], [0, '']);
  }

  test('the units are right', () => {
    assert.match(readFileSync(join(staged, 'lib/systemd/system/holdfast@.service'), 'utf8'), /^ExecStart=\/usr\/local\/bin\/holdfast mount %i .*--foreground$/m);
    verify('holdfast@photos.service', 'holdfast-flush@photos.service', 'holdfast-flush@photos.timer');
    writeFileSync(join(units, 'holdfast-wrong@photos.service'), '[Service]\nExecStart=/nonexistent/program\n');
    assert.throws(() => verify('holdfast-wrong@photos.service'), 'verify can fail');
  });

  test('the fstab line of the documentation becomes a mount after its disks and with the network', () => {
    const line = /^ {4}(photos .*)$/m.exec(readFileSync(join(repositoryRoot, 'docs/operations/mount.md'), 'utf8'))?.[1] ?? assert.fail('the line is gone');
    writeFileSync(join(folder, 'fstab'), `${line}\nholdfast:videos /srv/videos holdfast ro,x-systemd.automount 0 0\n`);
    const made = ['normal', 'early', 'late'].map((name) => join(folder, name));
    for (const path of made) mkdirSync(path);
    execFileSync(generator, made, { env: { ...process.env, SYSTEMD_FSTAB: join(folder, 'fstab') } });
    const [normal = ''] = made;
    const unit = readFileSync(join(normal, 'srv-photos.mount'), 'utf8');
    for (const wanted of [/^Type=holdfast$/m, /^What=photos$/m, /^RequiresMountsFor=\/mnt\/a \/mnt\/b$/m, /^TimeoutSec=15min$/m]) assert.match(unit, wanted);
    assert.ok(existsSync(join(normal, 'remote-fs.target.wants/srv-photos.mount')), '_netdev, nofail');
    assert.ok(existsSync(join(normal, 'srv-videos.automount')));
    for (const name of ['srv-photos.mount', 'srv-videos.mount']) copyFileSync(join(normal, name), join(units, name));
    verify('srv-photos.mount', 'srv-videos.mount');
  });

  test('a unit is told when the mount answers, and not before', { skip: mountObstacle ?? false }, async () => {
    const socket = join(folder, 'notify');
    const receive = 'import os,socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(sys.argv[1]); print("bound",flush=True); print(s.recv(4096).decode()); print(os.path.ismount(sys.argv[2]))';
    const volume = new VolumeProcess({ environment: { NOTIFY_SOCKET: socket } });
    const receiver = spawn('python3', ['-c', receive, socket, volume.mountPoint], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let said = '';
      receiver.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
      const ended = once(receiver, 'exit');
      await once(receiver.stdout, 'data');
      await volume.init();
      await volume.mount();
      await ended;
      assert.match(said, /READY=1[\s\S]*True$/m);
      assert.ok(said.includes(`STATUS=mounted at ${volume.mountPoint}`), said);
      await volume.umount();
    } finally {
      receiver.kill('SIGKILL');
      await volume.end();
    }
  });
});
