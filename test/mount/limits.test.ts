// What runs out besides bytes: the inodes of the disks (ENOSPC at write(2), all redundancy kept, and the volume can be mounted again) and
// the process's descriptors (refused before anything is opened; a running daemon waits for them).
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { diskFilesReserve } from '../../src/base/limits.js';
import { eventually, mountObstacle, VolumeProcess } from '../support/volume-process.js';

describe('limits of the machine', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();

  before(async () => {
    for (const disk of volume.disks) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=200M,nr_inodes=${diskFilesReserve + 44}`, 'tmpfs', disk]);
    await volume.init();
  });
  after(() => volume.end());

  test('full tables of inodes: writes get ENOSPC and nothing else happens', async () => {
    await volume.mount();
    const write = (file: string, mebibytes: number): { readonly status: number | null; readonly stderr: string } =>
      spawnSync('dd', ['if=/dev/urandom', `of=${volume.at(file)}`, 'bs=1M', `count=${mebibytes}`, 'conv=fsync', 'status=none'], { encoding: 'utf8' });
    assert.equal(write('kept', 3).status, 0);
    const sum = execFileSync('md5sum', [volume.at('kept')], { encoding: 'utf8' });
    let refused = '';
    for (let file = 0; refused === '' && file < 100; file++) refused = write(`fill-${file}`, 3).stderr;
    assert.match(refused, /No space left on device/);
    assert.match(volume.log, /no room for \d+ bytes/);
    const { redundancy, state, disks } = await volume.status();
    assert.deepEqual([redundancy.held, state], [true, 'serving'], redundancy.reasons.join('; '));
    for (const disk of disks) assert.match(disk.state, /^(healthy|full)$/, disk.reason);
    execFileSync('sh', ['-c', 'mkdir "$0"/names; touch "$0"/names/1 "$0"/names/2; mv "$0"/names/1 "$0"/names/3; rm "$0"/fill-0', volume.mountPoint]);
    await volume.umount();
    await volume.mount();
    assert.equal(execFileSync('md5sum', [volume.at('kept')], { encoding: 'utf8' }), sum);
    assert.match(await volume.findings(), /no findings/);
    await volume.umount();
  });

  test('too few descriptors: refused with the number that is wanted, and nothing is mounted', () => {
    const program = join(import.meta.dirname, '../../src/cli/main.js');
    const { status, stderr } = spawnSync('prlimit', ['--nofile=600:600', process.execPath, program, 'mount', volume.name, volume.mountPoint], { env: volume.environment, encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /may open 600 files at once, and 4 disks want up to 1536\n.*LimitNOFILE=1536/);
    assert.equal(volume.isMounted, false);
  });
});

describe('descriptors of a daemon that serves', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();

  before(async () => {
    await volume.init();
  });
  after(() => volume.end());

  test('run out: a read that needs one fails with ENFILE, writes wait, no disk counts as failed, and all goes on afterwards', async () => {
    await volume.mount();
    writeFileSync(volume.at('cold'), Buffer.alloc(3 << 20, 7));
    execFileSync('sync', [volume.at('cold')]);
    const mayOpen = (files: number): void => void execFileSync('prlimit', ['--pid', String(volume.daemonPid), `--nofile=${files}:`]);
    const before = Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${volume.daemonPid}/limits`, 'utf8'))?.[1]);
    writeFileSync('/proc/sys/vm/drop_caches', '1');
    // Fewer than are open: what is open stays open.
    mayOpen(10);
    assert.match(spawnSync('cat', [volume.at('cold')], { encoding: 'utf8' }).stderr, /Too many open files in system/);
    const writing = spawn('dd', ['if=/dev/urandom', `of=${volume.at('waits')}`, 'bs=1M', 'count=6', 'conv=fsync', 'status=none']);
    const ended = new Promise<number | null>((resolve) => writing.once('exit', resolve));
    await eventually(async () => /no further file can be opened/.test(volume.log), 'the log says why');
    mayOpen(before);
    assert.equal(await ended, 0);
    assert.ok(readFileSync(volume.at('cold')).equals(Buffer.alloc(3 << 20, 7)));
    const { redundancy, state, disks } = await volume.status();
    assert.deepEqual([redundancy.held, state], [true, 'serving'], redundancy.reasons.join('; '));
    assert.ok(disks.every((disk) => disk.state === 'healthy'));
    assert.match(await volume.findings(), /no findings/);
    await volume.umount();
  });
});

describe('a full file system of state_dir', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const parent = volume.path('var');

  before(async () => {
    mkdirSync(parent, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200M', 'tmpfs', parent]);
    await volume.init();
    await volume.mount();
  });
  after(() => volume.end());

  test('what takes room is refused by name, reading and deleting go on, and all goes on when there is room', async () => {
    const run = (script: string) => spawnSync('sh', ['-c', script, volume.mountPoint], { encoding: 'utf8' });
    assert.equal(run('mkdir "$0"/many; for i in $(seq 300); do echo $i >"$0"/many/$i; done; sync "$0"').status, 0);
    spawnSync('dd', ['if=/dev/zero', `of=${parent}/others`, 'bs=1M', 'count=190', 'status=none']);
    await eventually(async () => (await volume.status()).redundancy.reasons.some((reason) => reason.includes('state_dir')), 'it is noticed');
    assert.match(run('echo new >"$0"/new').stderr, /No space left on device/);
    assert.equal(run('cat "$0"/many/17').stdout, '17\n');
    assert.equal(run('rm "$0"/many/[1-9][0-9]').status, 0);
    assert.match(volume.log, /state_dir is nearly full: changes that take room are refused/);
    rmSync(`${parent}/others`);
    await eventually(async () => run('echo again >"$0"/again').status === 0, 'it goes on');
    assert.equal((await volume.status()).state, 'serving');
    await volume.umount();
    await volume.mount();
    assert.equal(run('cat "$0"/again; ls "$0"/many | wc -l').stdout, 'again\n210\n');
    assert.match(await volume.findings(), /no findings/);
    await volume.umount();
  });
});
