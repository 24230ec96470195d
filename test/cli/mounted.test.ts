// The commands around a real mount: mount, status, deltas, flush, umount, a killed daemon, cron, and the configuration while mounted.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { repositoryRoot } from '../repository.js';
import { Machine, mountObstacle } from './machine.js';

describe('a mounted volume', { skip: mountObstacle ?? false }, () => {
  const machine = new Machine();
  const { mount } = machine;

  before(async () => {
    await machine.init('photos');
    await machine.succeed('mount', 'photos', mount);
  });
  after(() => machine.end());

  test('status --json has what scripts need', async () => {
    const status = await machine.json('status', 'photos');
    assert.equal(status['mountpoint'], mount);
    assert.equal(status['state'], 'serving');
    assert.equal(spawnSync('kill', ['-0', String(status['pid'])]).status, 0);
    assert.equal((status['disks'] as unknown[]).length, 4);
    assert.deepEqual(Object.keys(status['backlog'] as object).sort(), ['ageSeconds', 'budgetBytes', 'bytes', 'deltas', 'files']);
    assert.equal(status['lastRoot'], null);
    assert.match(JSON.stringify(status['redundancy']), /share a device/);
  });

  test('written files are listed as deltas until they are flushed', async () => {
    writeFileSync(join(mount, 'a.txt'), 'hello');
    assert.match(await machine.succeed('deltas', 'photos'), /\/a\.txt\n\d+ deltas of \d+ files/);
    assert.match(await machine.succeed('deltas', 'photos', join(mount, 'a.txt')), /data .* 5 /);
    const line = JSON.parse((await machine.succeed('deltas', 'photos', 'a.txt', '--json')).split('\n')[0] ?? '') as Record<string, unknown>; // asserted next
    assert.equal(line['path'], '/a.txt');
    assert.match(await machine.succeed('flush', 'photos'), /^\d+ deltas of \d+ files migrated/);
    assert.equal(await machine.succeed('deltas', 'photos'), 'everything is in the backup\n');
    assert.equal(await machine.succeed('flush', 'photos', '--if-due'), 'nothing is due\n');
    assert.match((await machine.run('deltas', 'photos', 'nothing')).stderr, /nothing/);
  });

  test('a name that is no UTF-8 is listed in one form that can be given back', async () => {
    const raw = Buffer.concat([Buffer.from(`${mount}/caf`), Buffer.from([0xe9, 0x0a]), Buffer.from('\\x')]);
    writeFileSync(raw, 'odd');
    const shown = '/caf\\xe9\\x0a\\\\x';
    const lines = (await machine.succeed('deltas', 'photos', '--json')).trim().split('\n');
    assert.ok(lines.some((line) => (JSON.parse(line) as Record<string, unknown>)['path'] === shown), lines.join('\n')); // a delta a line
    assert.ok((await machine.succeed('deltas', 'photos')).includes(`${shown}\n`));
    assert.match(await machine.succeed('deltas', 'photos', shown), /data .* 3 /);
    const missing = await machine.run('deltas', 'photos', 'caf\\xe9');
    assert.match(missing.stderr, /caf\\xe9: no such file in this volume\n.*as \\xHH/);
    unlinkSync(raw);
  });

  test('check proves it while it is mounted', async () => {
    assert.match(await machine.succeed('check', 'photos'), /no findings/);
  });

  test('a second mount of the same volume is refused; a rebuild goes through the daemon', async () => {
    mkdirSync(machine.path('mnt2'));
    assert.match((await machine.run('mount', 'photos', machine.path('mnt2'))).stderr, /mounted already at .*\n.*try: holdfast umount photos/);
    assert.match((await machine.run('mount', 'photos', mount)).stderr, /is a mount point of holdfast:photos already/);
    const rebuild = await machine.run('rebuild', 'photos');
    assert.equal(rebuild.code, 0, rebuild.stderr);
    assert.match(rebuild.stdout, /0 shards/);
  });

  test('a change of thresholds in the file takes effect while mounted, a mistake changes nothing', async () => {
    const file = machine.path('etc', 'photos.toml');
    const original = readFileSync(file, 'utf8');
    const withCount = (value: string): string => original.replace(/^\[flush\].*$/m, `[flush]\ncount = ${value}`);
    const deltas = async (): Promise<number> => ((await machine.json('status', 'photos'))['backlog'] as { deltas: number }).deltas; // in every status
    writeFileSync(join(mount, 'b.txt'), 'soon in the backup');
    assert.notEqual(await deltas(), 0);
    writeFileSync(file, withCount('1'));
    await eventually(async () => (await deltas()) === 0);
    writeFileSync(file, withCount('"many"'));
    await eventually(async () => JSON.stringify((await machine.json('status', 'photos'))['reminders']).includes('flush.count'));
    writeFileSync(file, original);
    await eventually(async () => ((await machine.json('status', 'photos'))['reminders'] as unknown[]).length === 0);
  });

  test('the control socket is only for the owner', () => {
    assert.equal(statSync(machine.path('var', 'photos', 'control.sock')).mode & 0o777, 0o600);
  });

  test('a busy mount is not unmounted, unless lazily asked for', async () => {
    const user = spawn('sleep', ['60'], { cwd: mount });
    try {
      const outcome = await machine.run('umount', 'photos');
      assert.equal(outcome.code, 1);
      assert.match(outcome.stderr, /in use[\s\S]*try: /);
      assert.equal((await machine.json('status', 'photos'))['state'], 'serving');
    } finally {
      user.kill();
    }
  });

  test('umount leaves everything durable, and unmounted the same commands work', async () => {
    writeFileSync(join(mount, 'c.txt'), 'never synced');
    await eventually(async () => (await machine.run('umount', mount)).code === 0);
    assert.deepEqual(readdirSync(mount), []);
    assert.equal((await machine.json('status', 'photos'))['state'], 'unmounted');
    assert.match(await machine.succeed('deltas', 'photos'), /c\.txt/);
    assert.match(await machine.succeed('flush', 'photos'), /migrated/);
    assert.match((await machine.run('umount', 'photos')).stderr, /is not mounted/);
    await machine.succeed('mount', 'photos', mount);
    assert.equal(readFileSync(join(mount, 'c.txt'), 'utf8'), 'never synced');
  });

  test('after kill -9 the next mount cleans up by itself, and what was fsynced is there', async () => {
    const file = openSync(join(mount, 'tail.txt'), 'w');
    writeSync(file, 'fsynced');
    fsyncSync(file);
    closeSync(file);
    const { pid } = await machine.json('status', 'photos');
    process.kill(Number(pid), 'SIGKILL');
    await eventually(async () => !existsSync(`/proc/${String(pid)}`));
    assert.throws(() => readdirSync(mount));
    await machine.succeed('mount', 'photos', mount);
    assert.equal(readFileSync(join(mount, 'tail.txt'), 'utf8'), 'fsynced');
  });

  test('SIGTERM leaves everything durable and the mount point free', async () => {
    appendFileSync(join(mount, 'tail.txt'), ' and more');
    const { pid } = await machine.json('status', 'photos');
    process.kill(Number(pid), 'SIGTERM');
    await eventually(async () => !existsSync(`/proc/${String(pid)}`));
    assert.deepEqual(readdirSync(mount), []);
    await machine.succeed('mount', 'photos', mount);
    assert.equal(readFileSync(join(mount, 'tail.txt'), 'utf8'), 'fsynced and more');
  });

  test('umount(8) from outside ends the daemon in good order', async () => {
    const { pid } = await machine.json('status', 'photos');
    assert.equal(spawnSync('umount', [mount]).status, 0);
    await eventually(async () => !existsSync(`/proc/${String(pid)}`));
    assert.match(
      readFileSync(machine.path('var', 'photos', 'holdfast.log'), 'utf8')
        .trim()
        .split('\n')
        .at(-1) ?? '',
      /everything is durable/,
    );
  });

  test('what would be hidden or mixed up by the mount is refused', async () => {
    writeFileSync(join(mount, 'old.txt'), 'was here before');
    const full = await machine.run('mount', 'photos', mount);
    assert.match(full.stderr, /not empty .*old\.txt[\s\S]*try: to bring these files in: mkdir/);
    assert.equal(full.code, 1);
    spawnSync('rm', [join(mount, 'old.txt')]);
    assert.match((await machine.run('mount', 'photos', machine.path('none'))).stderr, /does not exist[\s\S]*try: mkdir -p/);
    assert.match((await machine.run('mount', 'photos', machine.folder)).stderr, /inside the mount point|not empty/);
  });

  test('the line of the sample crontab works with a bare environment, mounted and not, and an overlapping run exits 75', { skip: existsSync(join(repositoryRoot, 'dist/src/cli/main.js')) ? false : 'needs make build' }, async () => {
    const line = readFileSync(join(repositoryRoot, 'scripts/cron/holdfast.crontab'), 'utf8').split('\n').at(-2) ?? '';
    const command = line.replace(/^.* root holdfast flush NAME/, `${join(repositoryRoot, 'scripts/holdfast')} flush ${machine.path('etc', 'photos.toml')}`);
    assert.notEqual(command, line);
    const cron = (): { status: number | null; stderr: string } => {
      const { status, stderr } = spawnSync('env', ['-i', 'PATH=/usr/bin:/bin', '/bin/sh', '-c', command], { encoding: 'utf8' });
      return { status, stderr };
    };
    assert.deepEqual(cron(), { status: 0, stderr: '' });
    await machine.succeed('mount', 'photos', mount);
    assert.deepEqual(cron(), { status: 0, stderr: '' });
    writeFileSync(join(mount, 'for-cron.txt'), 'due soon');
    await machine.succeed('umount', 'photos');
    const roots = async (): Promise<number> => ((await machine.json('status', 'photos'))['lastRoot'] as { sequence: number }).sequence; // there is one by now
    const before = await roots();
    assert.deepEqual(cron(), { status: 0, stderr: '' });
    assert.equal(await roots(), before, 'nothing was due');
    const file = machine.path('etc', 'photos.toml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\[flush\].*$/m, '[flush]\ncount = 1'));
    assert.deepEqual(cron(), { status: 0, stderr: '' });
    assert.ok((await roots()) > before, 'it was due');
    // Somebody else works on the unmounted volume: hold its lock as a flush would.
    const holder = spawn('flock', ['--exclusive', machine.path('var', 'photos', 'lock'), 'sleep', '60'], { detached: true });
    try {
      await eventually(async () => spawnSync('flock', ['--nonblock', machine.path('var', 'photos', 'lock'), 'true']).status === 1);
      assert.equal(cron().status, 75);
    } finally {
      if (holder.pid !== undefined) process.kill(-holder.pid);
    }
  });
});

/** Polls for what another process is about to do; 30 s at most. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (await condition()) return;
    await delay(200);
  }
  assert.fail('it did not happen within 30 s');
}
