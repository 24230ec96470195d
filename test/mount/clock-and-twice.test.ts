// Two things that a volume must take calmly: being mounted twice at the same moment (one wins, the other is told by whom), and a clock
// that is set back by days under a running daemon (where libfaketime is installed: apt-get install libfaketime).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { byHand, eventually, mountObstacle, VolumeProcess } from '../support/volume-process.js';

describe('two mounts at the same moment', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();

  before(() => volume.init());
  after(() => volume.end());

  test('one comes about, the other is refused with the reason, and what is written is written once', async () => {
    const second = volume.path('mnt2');
    mkdirSync(second);
    const outcomes = await Promise.all([volume.run('mount', volume.name, volume.mountPoint), volume.run('mount', volume.name, second)]);
    const [winner, loser] = outcomes[0]?.code === 0 ? outcomes : [outcomes[1], outcomes[0]];
    assert.ok(winner !== undefined && loser !== undefined);
    assert.equal(winner.code, 0, `${winner.stderr}${loser.stderr}`);
    // 75 where the winner had not said yet where it mounts.
    assert.ok(loser.code === 1 || loser.code === 75, `exit code ${loser.code}`);
    const lines = loser.stderr.trim().split('\n');
    assert.match(lines[0] ?? '', /volume drill is (mounted already at \S+ \(pid \d+\)|in use by )/);
    assert.match(lines[1] ?? '', /^try: /);
    assert.equal(lines.length, 2, loser.stderr);
    const place = outcomes[0]?.code === 0 ? volume.mountPoint : second;
    writeFileSync(join(place, 'file'), 'once');
    assert.equal(readFileSync(join(place, 'file'), 'utf8'), 'once');
    await volume.succeed('umount', volume.name);
    assert.match(await volume.findings(), /no findings/);
  });
});

const library = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1'].find((path) => existsSync(path));
const clockObstacle = mountObstacle ?? (library === undefined ? 'needs libfaketime' : false);

describe('a clock that is set back', { skip: clockObstacle }, () => {
  const file = join(process.env['HOLDFAST_TEST_SCRATCH'] ?? tmpdir(), `faketime-${process.pid}`);
  const setClock = (offset: string): void => writeFileSync(file, `${offset}\n`);
  const volume = new VolumeProcess({ environment: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' } });
  const day = 86_400_000;

  before(async () => {
    setClock('+0');
    await volume.init({ flush: { ...byHand['flush'], age: '"1h"' } });
    await volume.mount();
  });
  after(async () => {
    await volume.end();
    rmSync(file, { force: true });
  });

  test('by ten days: what was written is flushed at once with that reason, file times are the clock’s, nothing is lost by a kill or by flushes in the past', async () => {
    writeFileSync(volume.at('before'), 'before');
    execFileSync('sync', [volume.at('before')]);
    setClock('-10d');
    await eventually(async () => /the clock was set back: the oldest update is 8\d{5} s in the future/.test(volume.log), 'a flush is due, and the log says why', 200, 90_000);
    await eventually(async () => (await volume.status()).backlog.deltas === 0, 'it is done');
    writeFileSync(volume.at('after'), 'after');
    execFileSync('sync', [volume.at('after')]);
    assert.ok(Math.abs(statSync(volume.at('after')).mtimeMs - (Date.now() - 10 * day)) < 0.1 * day, 'the daemon’s clock');
    const { backlog, state } = await volume.status();
    assert.ok(backlog.ageSeconds >= 0 && backlog.ageSeconds < 3600, `${backlog.ageSeconds} s old`);
    assert.equal(state, 'serving');
    await volume.signal('SIGKILL');
    await volume.mount();
    for (const name of ['before', 'after']) assert.equal(readFileSync(volume.at(name), 'utf8'), name);
    assert.ok((await volume.flush()).deltas > 0);
    setClock('+0');
    assert.match(await volume.findings(), /no findings/);
    await volume.umount();
  });
});
