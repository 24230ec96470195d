// Every flush condition of the configuration makes a flush happen by itself, each alone: set in the file before the mount, or
// changed in it while mounted. Status tells the truth before and after: the backlog falls to nothing, the last root is new.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { byHand, eventually, mountObstacle, VolumeProcess } from '../support/volume-process.js';

interface Condition {
  readonly keys: Readonly<Record<string, string>>;
  readonly budget?: Readonly<Record<string, string>>;
  /** What the log and the status say was the reason. */
  readonly reason: RegExp;
  /** Does not meet the condition; not for conditions that time alone fulfils. */
  readonly tooLittle: readonly number[] | null;
  /** Sizes of files that do. */
  readonly enough: readonly number[];
}

const conditions: Readonly<Record<string, Condition>> = {
  bytes: { keys: { bytes: '"3 MiB"' }, reason: /^bytes \d+ >= 3145728$/, tooLittle: [1_000_000], enough: [1_200_000, 1_200_000] },
  count: { keys: { count: '30' }, reason: /^count \d+ >= 30$/, tooLittle: [1, 1, 1], enough: Array.from({ length: 40 }, () => 10) },
  fill: { keys: { fill: '0.25' }, budget: { bytes: '"8 MiB"', soft: '0.9' }, reason: /^fill 0\.\d+ >= 0\.25/, tooLittle: [1_000_000], enough: [1_300_000] },
  age: { keys: { age: '"2 s"' }, reason: /^age \d+ s >= 2 s$/, tooLittle: null, enough: [100] },
  schedule: { keys: { schedule: '"*/2 * * * * *"' }, reason: /^schedule \*\/2 \* \* \* \* \*$/, tooLittle: null, enough: [100] },
};

describe('conditions of a flush', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const [lost = ''] = volume.disks;
  let files = 0;

  function write(sizes: readonly number[]): void {
    for (const size of sizes) writeFileSync(volume.at(`file-${++files}`), Buffer.alloc(size, files));
  }

  function configure(condition: Condition): void {
    volume.configure({ ...byHand, flush: { ...byHand['flush'], ...condition.keys }, ...(condition.budget === undefined ? {} : { budget: condition.budget }) });
  }

  /** Waits for one more root than there was; gives why it was made. */
  async function newRoot(before: number): Promise<string> {
    await eventually(async () => ((await volume.status()).lastRoot?.sequence ?? 0) > before, 'a flush by itself');
    await eventually(async () => !(await volume.status()).flushing, 'its end');
    const { lastFlush, lastRoot, backlog, due } = await volume.status();
    assert.equal(lastFlush?.ok, true);
    assert.deepEqual([backlog.deltas, backlog.files, backlog.bytes, backlog.ageSeconds], [0, 0, 0, 0], 'nothing is left');
    assert.deepEqual(due, []);
    assert.equal(lastRoot?.deltas, lastFlush.deltas);
    assert.ok(lastFlush.deltas > 0 && lastFlush.files > 0);
    return lastFlush.reason;
  }

  before(async () => {
    // A disk that can be pulled: its own filesystem.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1G', 'tmpfs', lost]);
    await volume.init();
    await volume.mount();
  });
  after(() => volume.end());

  test('without one, what is written stays in the backlog, and status and deltas count it', async () => {
    write([1000, 2000]);
    await delay(2500);
    const { backlog, lastRoot, lastFlush, due } = await volume.status();
    assert.equal(lastRoot, null);
    assert.equal(lastFlush, null);
    assert.deepEqual(due, []);
    assert.equal(backlog.bytes, 3000);
    assert.equal(backlog.files, 2);
    assert.ok(backlog.ageSeconds >= 2, `${backlog.ageSeconds}`);
    const lines = await volume.succeed('deltas', volume.name);
    assert.match(lines, new RegExp(`^${backlog.deltas} deltas of ${backlog.files} files`, 'm'));
  });

  test('by hand: the words of the command, and status after it', async () => {
    assert.match(await volume.succeed('flush', volume.name), /^(\d+) deltas of 2 files migrated: 2\.9 KiB in .*\nroot \d+\n$/);
    assert.equal(await newRoot(0), 'by hand');
    assert.equal((await volume.status()).lastRoot?.bytes, 3000);
  });

  for (const [name, condition] of Object.entries(conditions)) {
    test(`${name}, changed in the file while mounted`, async () => {
      const before = (await volume.status()).lastRoot?.sequence ?? 0;
      configure(condition);
      await eventually(async () => (await volume.status()).reminders.length === 0 && volume.log.includes('new thresholds took effect'), 'the file is read');
      await delay(400);
      if (condition.tooLittle !== null) {
        write(condition.tooLittle);
        await delay(2500);
        assert.equal((await volume.status()).lastRoot?.sequence, before, 'not before the condition holds');
      }
      write(condition.enough);
      assert.match(await newRoot(before), condition.reason);
      volume.configure(byHand);
    });
  }

  for (const [name, condition] of Object.entries(conditions).filter(([each]) => each === 'bytes' || each === 'age')) {
    test(`${name}, set in the file at the mount`, async () => {
      await volume.umount();
      configure(condition);
      await volume.mount();
      const before = (await volume.status()).lastRoot?.sequence ?? 0;
      write([...(condition.tooLittle ?? []), ...condition.enough]);
      assert.match(await newRoot(before), condition.reason);
    });
  }

  test('at unmount', async () => {
    volume.configure({ ...byHand, flush: { ...byHand['flush'], at_unmount: 'true' } });
    await volume.umount();
    await volume.mount();
    const before = (await volume.status()).lastRoot?.sequence ?? 0;
    write([5000]);
    await volume.umount();
    assert.match(volume.log, /"reason":"at unmount"/);
    volume.configure(byHand);
    await volume.mount();
    const { lastRoot, backlog } = await volume.status();
    assert.ok((lastRoot?.sequence ?? 0) > before);
    assert.equal(lastRoot?.bytes, 5000);
    assert.equal(backlog.deltas, 0);
  });

  test('a lost disk', async () => {
    volume.configure({ ...byHand, flush: { ...byHand['flush'], lost_disk: 'true' } });
    await volume.umount();
    await volume.mount();
    const before = (await volume.status()).lastRoot?.sequence ?? 0;
    write([200_000]);
    await delay(2500);
    assert.equal((await volume.status()).lastRoot?.sequence, before, 'not while every disk is here');
    execFileSync('umount', ['--lazy', lost]);
    await eventually(async () => (await volume.status()).state === 'degraded', 'the loss is noticed');
    assert.match(await newRoot(before), /^lost disk /);
    const { redundancy, state } = await volume.status();
    assert.equal(state, 'degraded');
    assert.equal(redundancy.held, false);
    assert.equal((await volume.run('status', volume.name)).code, 3);
    assert.deepEqual(readdirSync(lost), [], 'nothing was written beneath');
  });
});
