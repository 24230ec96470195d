// A disk that something speaks against is said to be suspect, loudly, and used on as before; it is healthy again after a quiet time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorOf } from '../../src/base/errors.js';
import type { SegmentNumber } from '../../src/base/ids.js';
import { DiskMeter } from '../../src/disk/disk-meter.js';
import type { DiskNotice, Notice } from '../../src/volume/notices.js';
import type { DiskStatus } from '../../src/volume/status.js';
import { fourDisks, House } from './support/house.js';
import { beats, files, flip, scrub } from './support/rot.js';

const disksOf = async (house: House): Promise<readonly DiskStatus[]> => (await house.run(house.volume.status())).disks;

async function listened(house: House): Promise<DiskNotice[]> {
  await house.mount();
  const notices: DiskNotice[] = [];
  house.volume.onNotice((notice: Notice) => void (notice.event === 'disk' && notices.push(notice)));
  return notices;
}

const words = (notices: readonly DiskNotice[]): readonly string[] => notices.map(({ path, from, to }) => `${path} ${from} -> ${to}`);

/** Sealed segments with shards on every disk. */
async function written(house: House, count: number): Promise<Buffer> {
  const bytes = house.bytes(count * 60_000);
  await house.write('a', bytes);
  await house.run(house.volume.core.pool.sealAll());
  await house.sync();
  return bytes;
}

test('damage on one disk again and again makes it suspect; it stays in service, protection holds, and after a quiet day it is healthy', async () => {
  await House.with(fourDisks, async (house) => {
    let aheadSeconds = 0;
    house.adapt = (ports) => ({ ...ports, clock: { ...ports.clock, now: () => ({ ...ports.clock.now(), sec: ports.clock.now().sec + aheadSeconds }) } });
    const notices = await listened(house);
    const bytes = await written(house, 6);
    const shards = files(house, 'shards/').filter(([disk]) => disk.path === '/disk1');
    for (const shard of shards.slice(0, 2)) flip(shard, 20_000);
    await scrub(house);
    await beats(house, 3);
    assert.deepEqual(words(notices), [], 'two can happen to every disk');
    const [, , third] = shards;
    assert(third !== undefined);
    flip(third, 20_000);
    await scrub(house);
    await beats(house, 3);
    assert.deepEqual(words(notices), ['/disk1 healthy -> suspect']);
    assert.match(notices[0]?.reason ?? '', /damaged shards or files were found on it again and again/);
    const { redundancy, state, due } = await house.run(house.volume.status()).then((status) => ({ ...status, due: house.volume.due() }));
    assert.deepEqual([redundancy.held, redundancy.remainingTolerance, state, due.length], [true, 2, 'serving', 0]);
    assert.ok(redundancy.reasons.some((reason) => /\/disk1 is suspect, and used on/.test(reason)));
    const before = (await disksOf(house))[1]?.bytesWritten ?? 0;
    await house.save('b', house.bytes(60_000));
    await house.run(house.volume.core.pool.sealAll());
    assert.ok(((await disksOf(house))[1]?.bytesWritten ?? 0) > before, 'it is written to as before');
    await house.expect('a', bytes);
    // Also over an unmount.
    await house.close();
    const later = await listened(house);
    await beats(house, 3);
    assert.equal((await disksOf(house))[1]?.state, 'suspect');
    aheadSeconds = 86_400;
    await beats(house, 3);
    assert.deepEqual(words(later), ['/disk1 suspect -> healthy']);
    await house.close();
  });
});

test('one slow disk among quick ones is suspect after a minute of it, not after a stall; when all are slow none is; quiet again, it is healthy', async () => {
  await House.with(fourDisks, async (house) => {
    const meters = new Map<string, DiskMeter>();
    house.adapt = (ports) => ({
      ...ports,
      disks: {
        ...ports.disks,
        meterOf: (disk) => {
          const meter = meters.get(disk.path) ?? new DiskMeter(ports.clock);
          meters.set(disk.path, meter);
          return meter;
        },
      },
    });
    const notices = await listened(house);
    await beats(house, 2);
    const slow = async (paths: readonly string[], seconds: number): Promise<void> => {
      await house.pass(seconds * 1_000);
      for (const path of paths) meters.get(path)?.ended('log-write-durably', seconds * 1_000);
      await beats(house, 2);
    };
    await slow(['/disk2'], 29);
    await slow(['/disk2'], 1);
    assert.deepEqual(words(notices), [], 'a disk that wakes up, or stalls once');
    await slow(['/disk0', '/disk1', '/disk2', '/disk3'], 25);
    await slow(['/disk0', '/disk1', '/disk2', '/disk3'], 25);
    await slow(['/disk0', '/disk1', '/disk2', '/disk3'], 25);
    assert.deepEqual(words(notices), [], 'the machine is slow');
    await house.pass(400_000);
    for (let count = 0; count < 5; count++) await slow(['/disk2'], 15);
    assert.deepEqual(words(notices), ['/disk2 healthy -> suspect']);
    const [, , disk] = await disksOf(house);
    assert.match(disk?.reason ?? '', /slow: \d+ s of the last five minutes/);
    assert.equal(disk?.latency?.write?.p99Ms, 15_000);
    await house.save('a', house.bytes(50_000));
    await house.pass(500_000);
    await beats(house, 2);
    assert.deepEqual(words(notices), ['/disk2 healthy -> suspect'], 'not quiet for long enough');
    await house.pass(500_000);
    await beats(house, 2);
    assert.deepEqual(words(notices), ['/disk2 healthy -> suspect', '/disk2 suspect -> healthy']);
    await house.close();
  });
});

test('what is said from outside (SMART) makes a disk suspect, and one more reason stands beside the first; a place that is no disk is nobody', async () => {
  await House.with(fourDisks, async (house) => {
    const notices = await listened(house);
    house.volume.suspect('/disk3', 'smart', 'SMART: pending sectors rose from 0 to 8');
    house.volume.suspect('/nowhere', 'smart', 'SMART: no');
    await beats(house, 2);
    assert.deepEqual(notices.map(({ path, to, reason }) => [path, to, reason]), [['/disk3', 'suspect', 'SMART: pending sectors rose from 0 to 8']]);
    house.volume.suspect('/disk3', 'slow', 'it is slow');
    assert.equal((await disksOf(house))[3]?.reason, 'SMART: pending sectors rose from 0 to 8; it is slow');
    await house.close();
  });
});

test('a disk without room for data is full, in service all the same, and healthy when there is room again', async () => {
  await House.with({ ...fourDisks, backup: false, diskBytes: 24 * 1024 ** 2 }, async (house) => {
    const notices = await listened(house);
    const names: string[] = [];
    for (let index = 0; ; index++) {
      try {
        await house.save(`f${index}`, house.bytes(500_000));
        names.push(`f${index}`);
      } catch (error) {
        assert.ok(isErrorOf(error, 'full'), String(error));
        break;
      }
    }
    await house.run(house.volume.core.pool.sealAll()).catch(() => undefined);
    await beats(house, 5);
    const full = words(notices).filter((line) => line.endsWith('healthy -> full'));
    assert.ok(full.length >= 1, words(notices).join());
    assert.equal((await house.run(house.volume.status())).redundancy.held, true);
    for (const name of names) await house.remove(name);
    await beats(house, 60);
    assert.ok((await disksOf(house)).every(({ state }) => state === 'healthy'), words(notices).join());
    await house.close();
  });
});

test('segments by what they can still lose, those in the backup too, agree with the skeleton through flush, loss and the next mount', async () => {
  await House.with(fourDisks, async (house) => {
    const spares = async () => (await house.run(house.volume.status())).segments;
    await house.mount();
    await written(house, 5);
    const before = await spares();
    const count = before.spares.reduce((sum, { onlyHere }) => sum + onlyHere, 0);
    assert.ok(count >= 5);
    assert.deepEqual(before, { spares: [{ spare: 2, onlyHere: count, inBackup: 0 }], complete: true });
    await house.flush();
    assert.deepEqual((await spares()).spares, [{ spare: 1, onlyHere: 0, inBackup: count }]);
    // Four shards of each became three: not all of them have one there.
    const on = (disk: number): number => house.volume.core.skeleton.segments(0 as SegmentNumber, 1_000, 'all').filter(({ disks }) => disks.includes(house.volume.core.disks.members[disk]?.disk?.id ?? null)).length;
    const there = on(3);
    assert.ok(there > 0 && there <= count);
    await house.close();
    house.world.absent.add('/disk3');
    await house.mount();
    const spared = there === count ? [] : [{ spare: 1, onlyHere: 0, inBackup: count - there }];
    assert.deepEqual(await spares(), { spares: [{ spare: 0, onlyHere: 0, inBackup: there }, ...spared], complete: true });
    const [, , third] = house.volume.core.disks.members;
    house.volume.core.disks.fail(third?.disk?.id as never, new Error('pulled'));
    assert.equal((await spares()).spares[0]?.spare, -1);
    await house.close();
  });
});
