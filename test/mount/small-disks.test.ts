// Small disks, full, under saturating fsyncs and changes of names, and one of them hangs: the journal goes round many times in the room that is
// kept for it. Nobody but those who want room is refused, no disk but the one that hangs is given up, and the volume never fails.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { diskOperationMsMax } from '../../src/base/limits.js';
import { Drill, drillObstacle } from '../support/mounted.js';
import { eventually } from '../support/volume-process.js';

const run = promisify(execFile);
const MiB = 1024 * 1024;
/** More than the journal holds at a time on disks of this size. */
const roundBytes = 24 * MiB;
/** Both go on whatever they are answered. */
const fsyncs = 'i=0; while :; do i=$((i+1)); dd if=/dev/zero of="$1"/load/sync-$((i%4)) bs=64k count=12 conv=fsync,notrunc status=none 2>/dev/null; done';
const names = 'i=0; while :; do i=$((i+1)); for j in 1 2 3 4 5 6 7 8; do : >"$1"/load/name-$i-$j; done 2>/dev/null; mv "$1"/load/name-$i-1 "$1"/load/name-$i-9; chmod 600 "$1"/load/name-$i-*; sync "$1"/load; rm -f "$1"/load/name-$i-*; done 2>/dev/null';

describe('small disks', { skip: drillObstacle ?? false }, () => {
  const drill = new Drill({ disks: 4, diskBytes: 384 * MiB });
  const loads: ChildProcess[] = [];
  const kept = new Map<string, Buffer>();

  before(async () => {
    await drill.init();
    await drill.mount();
    mkdirSync(at('load'));
  });
  after(async () => {
    for (const disk of drill.disks) disk.thaw();
    for (const load of loads) load.kill('SIGKILL');
    await drill.end();
  });

  const at = (name: string): string => `${drill.mountPoint}/${name}`;

  function write(name: string, mebibytes: number): string {
    return spawnSync('dd', ['if=/dev/urandom', `of=${at(name)}`, 'bs=1M', `count=${mebibytes}`, 'conv=fsync', 'status=none'], { encoding: 'utf8' }).stderr;
  }

  /** Bytes that one disk took since the mount; under these loads nearly all of it is journal. */
  const written = async (): Promise<number> => Math.max(...(await drill.status()).disks.map((disk) => disk.bytesWritten));

  async function goesRound(bytes: number): Promise<void> {
    const start = await written();
    await eventually(async () => (await written()) - start > bytes, 'the journal goes round', 500, 240_000);
  }

  async function assertServes(failedPath: string | null): Promise<void> {
    const { state, disks, redundancy } = await drill.status();
    assert.ok(state === 'serving' || state === 'degraded', `${state}: ${redundancy.reasons.join('; ')}`);
    for (const disk of disks) if (disk.path !== failedPath) assert.match(disk.state, /^(healthy|full)$/, disk.reason);
  }

  test('full, under both loads: the journal goes round and round', { timeout: 420_000 }, async () => {
    let refused = '';
    for (let file = 0; refused === '' && file < 200; file++) {
      refused = write(`fill-${file}`, 8);
      if (refused === '') kept.set(`fill-${file}`, readFileSync(at(`fill-${file}`)));
    }
    assert.match(refused, /No space left on device/);
    for (const script of [fsyncs, names]) loads.push(spawn('sh', ['-c', script, 'sh', drill.mountPoint], { stdio: 'ignore' }));
    await goesRound(roundBytes / 4);
    for (const name of [...kept.keys()].slice(0, 12)) {
      rmSync(at(name));
      kept.delete(name);
    }
    await goesRound(3 * roundBytes);
    await assertServes(null);
  });

  test('one disk hangs meanwhile: all goes on after the limit, deleting as well', { timeout: 420_000 }, async () => {
    drill.disk(1).freeze();
    await run('sh', ['-c', 'cd "$1" && : >while-it-hangs && sync while-it-hangs', 'sh', drill.mountPoint], { timeout: diskOperationMsMax + 45_000 });
    await eventually(async () => (await drill.status()).disks.some((disk) => disk.path === drill.disk(1).path && disk.state === 'failed'), 'the disk counts as failed');
    const [first = ''] = kept.keys();
    rmSync(at(first));
    kept.delete(first);
    await goesRound(roundBytes);
    await assertServes(drill.disk(1).path);
  });

  test('unmounted and mounted again nothing is missing', { timeout: 180_000 }, async () => {
    for (const load of loads.splice(0)) {
      const ended = once(load, 'exit');
      load.kill('SIGKILL');
      await ended;
    }
    await drill.umount();
    drill.disk(1).thaw();
    await drill.mount();
    for (const [name, bytes] of kept) assert.ok(readFileSync(at(name)).equals(bytes), name);
    assert.ok(readdirSync(drill.mountPoint).includes('while-it-hangs'));
    await drill.umount();
    assert.match(await drill.succeed('check', drill.name), /no findings/);
  });
});
