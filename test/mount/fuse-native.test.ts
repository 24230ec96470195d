// The second driver on a mounted volume: the POSIX checks that it must pass, and what is its own: names as text, times, files that
// are deleted while open, and its threads.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fuseNativeExclusions } from '../posix/fuse-native-exclusions.js';
import { posixChecks, runCheck } from '../posix/posix-checks.js';
import { fuseNativeObstacle } from '../support/drivers.js';
import { mountObstacle, VolumeProcess } from '../support/volume-process.js';

describe('a volume mounted through fuse-native', { skip: mountObstacle ?? fuseNativeObstacle ?? false }, () => {
  const volume = new VolumeProcess({ driver: 'fuse-native' });

  before(async () => {
    await volume.init();
    await volume.mount('-o', 'allow_other');
    chmodSync(volume.mountPoint, 0o755);
    chmodSync(volume.folder, 0o755);
  });
  after(() => volume.end());

  test('every check that is left out exists', () => {
    assert.deepEqual(Object.keys(fuseNativeExclusions).filter((name) => posixChecks[name] === undefined), []);
  });

  for (const [name, check] of Object.entries(posixChecks)) {
    if (fuseNativeExclusions[name] !== undefined) continue;
    test(name, async () => {
      const { outcome, reason } = await runCheck(volume.mountPoint, name, check);
      assert.equal(outcome, 'passed', `${reason}\nWhat this driver cannot do is listed, with the reason, in test/posix/fuse-native-exclusions.ts.`);
    });
  }

  test('after all of them the skeleton fits together and nothing is left behind', async () => {
    assert.match(await volume.findings(), /no findings/);
    assert.equal((await volume.status()).space.files, 1, 'the root only');
  });

  test('holdfast mount says in one line what this driver cannot do, and so does the log', async () => {
    await volume.umount();
    const { code, stdout, stderr } = await volume.run('mount', volume.name, volume.mountPoint);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /is mounted at/);
    assert.match(stderr, /^warning: the driver fuse-native does not see who calls: .*\n$/);
    assert.match(volume.log, /"driver":"fuse-native","msg":"the driver fuse-native does not see who calls/);
    await volume.succeed('umount', volume.name);
    await volume.mount();
  });

  test('the kernel shows it like any other mount of ours', () => {
    const line = readFileSync('/proc/self/mounts', 'utf8').split('\n').find((entry) => entry.includes(` ${volume.mountPoint} `)) ?? '';
    assert.match(line, /^holdfast:drill \S+ fuse\.holdfast rw,nosuid,nodev,relatime,/);
  });

  test('new files are never made setuid or setgid for their owner, whoever that is; later they can be', () => {
    const path = volume.at('program');
    closeSync(openSync(path, 'w', 0o6755));
    assert.equal(statSync(path).mode & 0o7777, 0o755);
    chmodSync(path, 0o4755);
    assert.equal(statSync(path).mode & 0o7777, 0o4755);
    rmSync(path);
  });

  test('times keep their nanoseconds, also before 1970, and each is set alone', () => {
    const path = volume.at('times');
    writeFileSync(path, '');
    const touch = (...words: readonly string[]): string => {
      execFileSync('touch', [...words, path]);
      return execFileSync('stat', ['-c', '%.9X %.9Y', path], { encoding: 'utf8' }).trim();
    };
    touch('-a', '-d', '@1234567890.123456789');
    assert.equal(touch('-m', '-d', '@987654321.000000001'), '1234567890.123456789 987654321.000000001');
    assert.equal(touch('-m', '-d', '@-86400.5'), '1234567890.123456789 -86400.500000000');
    assert.throws(() => execFileSync('touch', ['-d', '@99999999999', path], { stdio: 'pipe' }), /too large|overflow/i);
    rmSync(path);
  });

  test('a name that is not UTF-8 is refused, and one that is there already is not shown as another', async () => {
    const odd = (name: string): Buffer => Buffer.concat([Buffer.from(`${volume.mountPoint}/`), Buffer.from(name, 'latin1')]);
    assert.throws(() => writeFileSync(odd('caf\xe9'), ''), { code: 'EILSEQ' });
    assert.throws(() => mkdirSync(odd('\xff')), { code: 'EILSEQ' });
    assert.throws(() => symlinkSync(Buffer.from([0xe9]), volume.at('link')), { code: 'EILSEQ' });
    assert.throws(() => writeFileSync(volume.at('\ufffd'), ''), { code: 'EILSEQ' }, 'it could have been any bytes');
    for (const name of ['café', '\ufeffmark', '日本語', 'a\u0301', '🙂', '"\\\n']) {
      writeFileSync(volume.at(name), name);
      assert.ok(readdirSync(volume.mountPoint).includes(name), name);
      assert.equal(readFileSync(volume.at(name), 'utf8'), name);
      rmSync(volume.at(name));
    }
    await volume.umount();

    volume.choose('event-loop');
    await volume.mount();
    mkdirSync(volume.at('mixed'));
    writeFileSync(volume.at('mixed', 'plain'), 'plain');
    writeFileSync(odd('mixed/caf\xe9'), 'odd');
    symlinkSync(Buffer.from([0xe9]), volume.at('mixed', 'link'));
    await volume.umount();
    volume.choose('fuse-native');

    await volume.mount();
    assert.throws(() => readdirSync(volume.at('mixed')), { code: 'EILSEQ' });
    assert.throws(() => readFileSync(odd('mixed/caf\xe9')), { code: 'EILSEQ' });
    assert.throws(() => readlinkSync(volume.at('mixed', 'link')), { code: 'EILSEQ' });
    assert.throws(() => rmSync(volume.at('mixed'), { recursive: true }), { code: 'EILSEQ' });
    assert.equal(readFileSync(volume.at('mixed', 'plain'), 'utf8'), 'plain');
    assert.match(volume.log, /"path":"\/mixed","name":"caf\\\\xe9".*a name is not UTF-8/);
  });

  test('a file that is deleted while open lives to its last close, and leaves nothing: not after umount, not after --lazy', async () => {
    const inodes = (await volume.status()).space.files;
    for (const lazy of [false, true]) {
      const path = volume.at('deleted');
      const file = openSync(path, 'w+');
      unlinkSync(path);
      writeSync(file, 'still there');
      assert.equal(fstatSync(file).size, 11);
      assert.equal(readFileSync(`/proc/self/fd/${file}`, 'utf8'), 'still there');
      // The kernel tells of the close in its own time: umount comes first.
      if (!lazy) closeSync(file);
      await volume.umount(...(lazy ? ['--lazy'] : []));
      if (lazy) closeCutOff(file);
      await volume.mount();
      assert.deepEqual(readdirSync(volume.mountPoint), ['mixed']);
      assert.equal((await volume.status()).space.files, inodes);
    }
  });

  test('many clients at once are served, and their threads leave nothing that grows', async () => {
    const clients = 24;
    const round = (): void => {
      const work = `for i in $(seq ${clients}); do (dd if=/dev/urandom of=f$i bs=64k count=8 status=none; cat f$i | cksum > s$i; cksum < f$i | cmp - s$i; rm f$i s$i) & done; wait`;
      execFileSync('sh', ['-c', work], { cwd: volume.mountPoint, stdio: ['ignore', 'ignore', 'inherit'] });
    };
    round();
    const threads = (): number => readdirSync(`/proc/${volume.daemonPid}/task`).length;
    const before = threads();
    round();
    round();
    assert.ok(threads() <= before + clients, `${before} threads became ${threads()}`);
    assert.deepEqual(readdirSync(volume.mountPoint), ['mixed']);
    await volume.umount();
  });
});

/** It is closed, whether the kernel then says that the server is gone or not. */
function closeCutOff(file: number): void {
  try {
    closeSync(file);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOTCONN');
  }
}
