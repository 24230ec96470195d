// However a mount ends in good order (SIGTERM, umount(8), holdfast umount), everything is durable: the next mount replays nothing and
// shows the same tree and the same backlog. However it ends badly, clients get errors and the next mount cleans up by itself.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { FuseDriver } from '../../src/config/settings.js';
import { fuseNativeObstacle } from '../support/drivers.js';
import { assertSameTree, treeOf } from '../support/tree.js';
import { byHand, eventually, mountObstacle, VolumeProcess } from '../support/volume-process.js';

for (const driver of ['event-loop', 'fuse-native'] as const) endsOf(driver, mountObstacle ?? (driver === 'fuse-native' ? fuseNativeObstacle : null));

/** What lies above the driver is tried with one of them only. */
function endsOf(driver: FuseDriver, obstacle: string | null): void {
  const whole = driver === 'event-loop';

  describe(`the end of a mount (${driver})`, { skip: obstacle ?? false }, () => {
    const volume = new VolumeProcess({ driver });
    const clients: ChildProcess[] = [];
    let round = 0;

    before(async () => {
      await volume.init();
    });
    beforeEach(async () => {
      await volume.mount();
    });
    afterEach(async () => {
      for (const client of clients.splice(0)) client.kill('SIGKILL');
      volume.configure(byHand);
      if (volume.isMounted) await volume.run('umount', volume.name, '--lazy');
    });
    after(() => volume.end());

    /** Changes of every kind, none of them synced. */
    function change(): void {
      round++;
      execFileSync('cp', ['-a', '/etc/default', '/etc/apt', volume.at()]);
      for (let file = 0; file < 50; file++) writeFileSync(volume.at(`round-${round}-${file}`), Buffer.alloc(file * 1777, round));
      renameSync(volume.at(`round-${round}-1`), volume.at(`renamed-${round}`));
      execFileSync('rm', ['-r', volume.at('default')]);
      appendFileSync(volume.at('all'), `round ${round}\n`);
    }

    function client(...[command = '', ...words]: readonly string[]): ChildProcess {
      const child = spawn(command, words, { stdio: 'ignore' });
      clients.push(child);
      return child;
    }

    const ends: Readonly<Record<string, () => Promise<void>>> = {
      SIGTERM: async () => assert.equal(await volume.signal('SIGTERM'), 0),
      SIGINT: async () => assert.equal(await volume.signal('SIGINT'), 0),
      'umount(8)': async () => {
        execFileSync('umount', [volume.mountPoint]);
        assert.equal(await volume.ended(), 0);
      },
      'holdfast umount': () => volume.umount(),
      'SIGTERM twice': async () => {
        process.kill(volume.daemonPid, 'SIGTERM');
        assert.equal(await volume.signal('SIGTERM'), 0);
      },
    };

    for (const [how, end] of Object.entries(ends)) {
      if (!whole && how.startsWith('SIGINT')) continue;
      test(`${how} leaves everything durable and the mount point free`, async () => {
        change();
        const tree = treeOf(volume.mountPoint);
        const { backlog } = await volume.status();
        await end();
        assert.equal(volume.isMounted, false);
        assert.deepEqual(readdirSync(volume.mountPoint), []);
        assert.match(lastEntry('closed; everything is durable'), /closed/);
        await volume.mount();
        // Before the tree is read: an access time that had to wait the first time is a delta of its own.
        const status = await volume.status();
        assertSameTree(tree, treeOf(volume.mountPoint));
        const { source, from, to } = JSON.parse(lastEntry('skeleton recovered')) as Record<string, unknown>; // asserted next
        assert.equal(source, 'live database');
        assert.equal(from, to, 'nothing was left to replay');
        assert.deepEqual({ ...status.backlog, ageSeconds: 0 }, { ...backlog, ageSeconds: 0 });
        assert.equal(status.state, 'serving');
        assert.match(await volume.findings(), /no findings/);
      });
    }

    if (whole) test('a busy mount is not unmounted: the message says by whom or how to find out; once it is left, it works', async () => {
      const user = client('sh', '-c', `cd ${volume.mountPoint} && exec sleep 60`);
      await eventually(async () => cwdOf(user) === volume.mountPoint, 'the client is inside');
      const { code, stderr } = await volume.run('umount', volume.name);
      assert.equal(code, 1);
      assert.ok(stderr.includes(volume.mountPoint), stderr);
      assert.match(stderr, /in use|busy/);
      assert.match(stderr, /^try: .*(fuser|lsof|--lazy)/m);
      assert.equal((await volume.status()).state, 'serving');
      writeFileSync(volume.at('still-writable'), 'yes');
      user.kill();
      await once(user, 'exit');
      await volume.umount();
    });

    test('a busy mount is taken away by --lazy and by SIGTERM: what was written stays, the user gets errors', async () => {
      for (const how of ['--lazy', 'SIGTERM'] as const) {
        if (!volume.isMounted) await volume.mount();
        const path = volume.at(`held-${how}`);
        const file = openSync(path, 'w');
        writeSync(file, 'before the end');
        if (how === '--lazy') await volume.umount('--lazy');
        else assert.equal(await volume.signal('SIGTERM'), 0);
        assert.throws(() => writeSync(file, 'x'), /ENOTCONN|ECONNABORTED|EIO|ENODEV/);
        closeSync(file);
        await volume.mount();
        assert.equal(readFileSync(path, 'utf8'), 'before the end');
      }
    });

    if (whole) {
      test('a signal while it is being mounted ends it in good order all the same', async () => {
        await volume.umount();
        for (const delayMs of [200, 400, 800]) {
          const daemon = volume.launch();
          await delay(delayMs);
          // Before the first line of the log the process has not begun to listen for signals, and to serve even less.
          daemon.kill('SIGTERM');
          const end = await volume.ended();
          assert.ok(end === 0 || end === 'SIGTERM', String(end));
          if (end === 0) assert.match(lastEntry('closed; everything is durable'), new RegExp(`"pid":${daemon.pid},`));
          assert.equal(volume.isMounted, false, `after ${delayMs} ms: ${end}`);
        }
        await volume.mount();
      });
    }

    test('after kill -9 the next mount takes the dead mount away, and every fsynced byte is there', async () => {
      const file = openSync(volume.at('fsynced'), 'w');
      writeSync(file, 'fsynced');
      fsyncSync(file);
      closeSync(file);
      assert.equal(await volume.signal('SIGKILL'), 'SIGKILL');
      assert.equal(volume.isMounted, true, 'a killed daemon cannot unmount');
      assert.throws(() => readFileSync(volume.at('fsynced')), /ENOTCONN/);
      await volume.mount();
      assert.match(volume.log, /a mount whose daemon was gone has been taken away/);
      assert.equal(readFileSync(volume.at('fsynced'), 'utf8'), 'fsynced');
      const points = readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .filter((line) => line.includes(` ${volume.mountPoint} `));
      assert.equal(points.length, 1, 'one mount, not two on top of each other');
    });

    if (whole) test('after kill -9 holdfast umount takes the dead mount away, and status says unmounted', async () => {
      await volume.signal('SIGKILL');
      const { code, stdout } = await volume.run('umount', volume.name);
      assert.equal(code, 0);
      assert.match(stdout, /the daemon .* was gone/);
      assert.equal(volume.isMounted, false);
      assert.match((await volume.run('status', volume.name)).stdout, /unmounted/);
      assert.match((await volume.run('umount', volume.name)).stderr, /not mounted/);
    });

    for (const [what, ...words] of [
      ['reads', 'cat', 'fsynced'],
      ['writes', 'sh', '-c', 'echo x >>"$0"', 'fsynced'],
      ['looks up a name', 'ls', '-l', 'never-seen-before'],
      ['syncs', 'sync', 'fsynced'],
    ] as const) {
      if (!whole && what !== 'writes') continue;
      test(`a client that ${what} when the daemon dies gets an error and does not hang`, async () => {
        writeFileSync(volume.at('fsynced'), Buffer.alloc(100_000));
        // Stopped: it takes no request, so the client must be waiting in its call when the end comes.
        process.kill(volume.daemonPid, 'SIGSTOP');
        const waiting = client(...words.slice(0, -1), volume.at(words.at(-1) ?? ''));
        const exit = once(waiting, 'exit');
        await eventually(async () => /fuse|request_wait/.test(waitOf(waiting)), 'the client waits in the kernel', 20, 10_000);
        await volume.signal('SIGKILL');
        const [code] = (await exit) as [number | null];
        assert.notEqual(code, 0);
        assert.notEqual(code, null, 'it ended by itself');
      });
    }

    if (whole) test('an unmount whose flush cannot reach the backup ends all the same, says so, and loses nothing', async () => {
      volume.configure({ flush: { ...byHand['flush'], at_unmount: 'true' } });
      await volume.umount();
      await volume.mount();
      change();
      const tree = treeOf(volume.mountPoint);
      const { backlog } = await volume.status();
      renameSync(volume.path('backup'), volume.path('away'));
      try {
        await volume.umount();
      } finally {
        renameSync(volume.path('away'), volume.path('backup'));
      }
      assert.match(volume.log, /the flush at unmount failed/);
      volume.configure(byHand);
      await volume.mount();
      assert.equal((await volume.status()).backlog.deltas, backlog.deltas);
      assertSameTree(tree, treeOf(volume.mountPoint));
      await volume.flush();
      assert.equal((await volume.status()).backlog.deltas, 0);
    });

    function lastEntry(message: string): string {
      return volume.log.split('\n').findLast((line) => line.includes(`"msg":"${message}"`)) ?? '{}';
    }
  });
}

function cwdOf({ pid }: ChildProcess): string {
  return spawnSync('readlink', [`/proc/${pid}/cwd`], { encoding: 'utf8' }).stdout.trim();
}

/** The kernel's name for what a process waits in. */
function waitOf({ pid }: ChildProcess): string {
  return [`/proc/${pid}/wchan`, `/proc/${pid}/stack`].map((path) => spawnSync('cat', [path], { encoding: 'utf8' }).stdout).join(' ');
}
