// A disk that hangs: every call to it waits for ever and cannot even be killed (a frozen filesystem under load). Whoever looks at names and
// attributes is answered at once; who needs the disk waits until the limit on its operations and goes on without it; the end does not hang.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { asDiskId, asVolumeId } from '../../src/base/ids.js';
import { diskOperationMsMax } from '../../src/base/limits.js';
import { silentLogger } from '../../src/base/logger.js';
import { LocalDisks } from '../../src/volume/local-disks.js';
import { Drill, drillObstacle } from '../support/mounted.js';
import { eventually, mountObstacle, VolumeProcess } from '../support/volume-process.js';
import { HandClock } from '../unit/daemon/hand-clock.js';

const run = promisify(execFile);
/** A person's patience, on a machine that does other things as well. */
const atOnceMs = 5_000;
/** The limit on disk operations, what was queued before it, and some more. */
const withinLimitMs = diskOperationMsMax + 30_000;

test('a disk that hangs when it is opened is one that is not there, after the limit', { skip: mountObstacle ?? false, timeout: 120_000 }, async () => {
  // A directory on a filesystem whose server is stopped: nothing there is answered, and everything can be ended.
  const below = new VolumeProcess();
  try {
    await below.init();
    await below.mount();
    const clock = new HandClock();
    const disks = new LocalDisks(clock, silentLogger);
    mkdirSync(below.at('disk'));
    await (await disks.format(below.at('disk'), { volume: asVolumeId('11111111-1111-4111-8111-111111111111'), disk: asDiskId('22222222-2222-4222-8222-222222222222'), volumeName: 'above' })).close();
    process.kill(below.daemonPid, 'SIGSTOP');
    const given = assert.rejects(disks.open(below.at('disk'), null), { code: 'disk-hanging', message: /could not be opened within/ });
    await clock.pass(diskOperationMsMax);
    await given;
    process.kill(below.daemonPid, 'SIGCONT');
    await eventually(async () => (await disks.open(below.at('disk'), null)).disk.close().then(() => true), 'it comes back');
    await below.umount();
  } finally {
    await below.end();
  }
});

describe('a disk that hangs', { skip: drillObstacle ?? false }, () => {
  const drill = new Drill({ disks: 4, diskBytes: 512 * 1024 ** 2 });
  const loads: ChildProcess[] = [];

  before(async () => {
    await drill.init();
    await drill.mount();
  });
  after(async () => {
    for (const disk of drill.disks) disk.thaw();
    for (const load of loads) load.kill('SIGKILL');
    await drill.end();
  });

  /** Runs a command and says how long it took; a hang is a failure. */
  async function timed(limitMs: number, script: string): Promise<number> {
    const started = performance.now();
    try {
      await run('sh', ['-c', script, 'sh', drill.mountPoint], { timeout: limitMs, killSignal: 'SIGKILL' });
    } catch (error) {
      assert.fail(`${script}: not within ${limitMs} ms: ${String(error)}`);
    }
    return performance.now() - started;
  }

  test('ls, stat, small files and changes are answered while it hangs; fsync goes on without it after the limit', { timeout: 180_000 }, async () => {
    await timed(60_000, 'cd "$1" && mkdir folder && for i in $(seq 50); do echo $i >folder/file-$i; done && dd if=/dev/urandom of=large bs=1M count=40 status=none && sync large');
    const load = spawn('sh', ['-c', 'i=0; while :; do i=$((i+1)); dd if=/dev/zero of="$1"/load-$((i%4)) bs=64k count=16 conv=fsync status=none; done', 'sh', drill.mountPoint], { stdio: 'ignore' });
    loads.push(load);
    drill.disk(0).freeze();
    const frozenAt = performance.now();
    const synced = timed(withinLimitMs, 'dd if=/dev/urandom of="$1"/synced bs=64k count=16 conv=fsync status=none');
    let slowest = 0;
    for (let round = 0; performance.now() - frozenAt < diskOperationMsMax + 2_000; round++) {
      for (const look of ['ls "$1"', 'ls -l "$1"/folder', 'stat "$1"/large', 'cat "$1"/folder/file-7', 'df "$1"', `ls "$1"/none-${round} 2>/dev/null; true`]) slowest = Math.max(slowest, await timed(atOnceMs, look));
    }
    await synced;
    await eventually(async () => (await drill.status()).disks.some((disk) => disk.path === drill.disk(0).path && disk.state === 'failed'), 'the disk counts as failed');
    // Without it everything is as fast as before.
    await timed(20_000, 'for i in 1 2 3; do echo $i >"$1"/later-$i; sync "$1"/later-$i; done; cat "$1"/large >/dev/null');
    console.log(`slowest look while the disk hung: ${slowest.toFixed(0)} ms`);
  });

  test('unmounting and mounting again work while it hangs, and nothing is lost', { timeout: 180_000 }, async () => {
    for (const load of loads.splice(0)) {
      const ended = once(load, 'exit');
      load.kill('SIGKILL');
      await ended;
    }
    writeFileSync(`${drill.mountPoint}/last`, 'last words');
    await drill.umount();
    drill.disk(0).thaw();
    await drill.mount();
    const { stdout } = await run('sh', ['-c', 'cat "$1"/last; ls "$1"/folder | wc -l; cat "$1"/later-3', 'sh', drill.mountPoint]);
    assert.equal(stdout.replaceAll(/\s+/g, ' '), 'last words50 3 ');
  });
});
