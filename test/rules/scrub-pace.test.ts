// When a mounted volume scrubs by itself: spread over its period, below its rate, after everybody else, and from where it was.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setFailpointAction } from '../../src/base/failpoint.js';
import { fourDisks, House } from './support/house.js';
import { beats, files, flip, status } from './support/rot.js';

/** A house that scrubs by itself, with so many sealed segments. */
async function withScrub(periodSeconds: number, segments: number, run: (house: House, bytes: Buffer) => Promise<void>): Promise<void> {
  await House.with({ ...fourDisks, scrubPeriodSeconds: periodSeconds }, async (house) => {
    await house.mount();
    const bytes = house.bytes(segments * 64 * 1024);
    await house.write('a', bytes);
    await house.run(house.volume.core.pool.sealAll());
    await house.sync();
    await run(house, bytes);
  });
}

const segmentsDone = async (house: House): Promise<number> => (await status(house)).running?.segments ?? 0;

test('by itself it is spread over the period, heals what it finds, and begins again when the period is over', async () => {
  await withScrub(100, 10, async (house, bytes) => {
    await beats(house, 5);
    assert.equal(await segmentsDone(house), 0, 'nothing is due yet');
    const last = files(house, 'shards/').at(-1);
    assert(last !== undefined);
    flip(last, 20_000);
    await beats(house, 45);
    const half = await segmentsDone(house);
    assert.ok(half >= 3 && half <= 6, `${half} of 10 after half of the time`);
    await beats(house, 65);
    const { last: ended, running } = await status(house);
    assert.deepEqual([ended?.segments, ended?.found, ended?.healed, ended?.lostRanges], [10, 1, 1, 0]);
    assert.ok(running !== null && running.segments < 3, 'the next one has begun');
    await house.expect('a', bytes);
    await house.close();
  });
});

test('its place survives a kill and an unmount; what was found before is in the report', async () => {
  await withScrub(200, 10, async (house) => {
    const [first] = files(house, 'shards/');
    assert(first !== undefined);
    flip(first, 20_000);
    await beats(house, 90);
    const before = await segmentsDone(house);
    assert.ok(before >= 3, `${before} before the kill`);
    // Dies between a look and what remembers it.
    let passed = false;
    setFailpointAction((name) => {
      if (name === 'scrub-seen-before-saved') passed = true;
    });
    for (let beat = 0; beat < 40 && !passed; beat++) await beats(house, 1);
    setFailpointAction(undefined);
    assert.ok(passed);
    house.kill();
    await house.mount();
    const after = await segmentsDone(house);
    assert.ok(after >= before - 1 && after > 0, `${after} after the kill, ${before} before`);
    await house.close();
    await house.mount();
    assert.equal(await segmentsDone(house), after, 'an unmount forgets nothing');
    await beats(house, 120);
    const { last } = await status(house);
    assert.deepEqual([last?.segments, last?.found, last?.healed], [10, 1, 1]);
    await house.close();
  });
});

test('a file that remembers and is damaged makes it begin again', async () => {
  await withScrub(100, 6, async (house) => {
    await beats(house, 60);
    assert.ok((await segmentsDone(house)) > 0);
    await house.close();
    const path = `${house.settings.stateDir}/scrub.state`;
    writeFileSync(path, readFileSync(path, 'utf8').replace('"after":', '"after":9'));
    await house.mount();
    assert.equal(await segmentsDone(house), 0);
    await house.close();
  });
});

test('it waits while others use the disks, while a rebuild goes on and while a disk is missing; when it is late it goes on slowly', async () => {
  await House.with({ ...fourDisks, scrubPeriodSeconds: 100 }, async (house) => {
    // Somebody reads 10 MiB a second, as far as the disks' own counters tell.
    let used = false;
    let usedBytes = 0;
    let atMs = 0;
    house.world.wrapDisk = (disk) =>
      new Proxy(disk, {
        get(target, property): unknown {
          if (property === 'counters') {
            return () => {
              const nowMs = house.world.scheduler.clock.monotonicMs();
              if (used) usedBytes += ((nowMs - atMs) / 1_000) * 10 * 1024 ** 2;
              atMs = nowMs;
              const counters = target.counters();
              return { ...counters, bytesRead: counters.bytesRead + usedBytes };
            };
          }
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    await house.mount();
    await house.write('a', house.bytes(6 * 64 * 1024));
    await house.run(house.volume.core.pool.sealAll());
    await house.sync();
    used = true;
    await beats(house, 60);
    assert.equal(await segmentsDone(house), 0);
    assert.equal((await status(house)).running?.waitsFor, 'others use the disks');
    used = false;
    await beats(house, 20);
    const caughtUp = await segmentsDone(house);
    assert.ok(caughtUp >= 2, 'it makes up for it');
    house.volume.core.rebuilds++;
    await beats(house, 20);
    assert.equal(await segmentsDone(house), caughtUp);
    assert.equal((await status(house)).running?.waitsFor, 'a rebuild is under way');
    house.volume.core.rebuilds--;
    used = true;
    await beats(house, 60);
    assert.equal((await status(house)).last?.segments, 6, 'late, it goes on beside others');
    used = false;
    const [disk] = house.volume.core.disks.healthy();
    assert(disk !== undefined);
    house.volume.core.disks.fail(disk.id, new Error('pulled'));
    await beats(house, 60);
    assert.match((await status(house)).running?.waitsFor ?? '', /disk .* is failed/);
    await house.close();
  });
});

test('never faster than the rate', async () => {
  await withScrub(1, 24, async (house) => {
    house.volume.reconfigure({ ...house.volume.core.thresholds, scrub: { periodSeconds: 1, bytesPerSecond: 64 * 1024 } });
    // What the faster rate had begun is over by then.
    await beats(house, 10);
    const started = house.volume.clock.monotonicMs();
    const { bytes: before = 0, startedAt } = (await status(house)).running ?? {};
    await beats(house, 25);
    const read = ((await status(house)).running?.bytes ?? 0) - before;
    assert.equal((await status(house)).running?.startedAt, startedAt, 'still the same one');
    const seconds = (house.volume.clock.monotonicMs() - started) / 1000;
    // One segment more may be begun: 4 shards of 40 KiB.
    assert.ok(read > 0 && read <= 64 * 1024 * (seconds + 1) + 4 * 40 * 1024, `${read} bytes in ${seconds} s`);
    await house.close();
  });
});
