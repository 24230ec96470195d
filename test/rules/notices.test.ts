// What whoever keeps an eye on a volume is told of, when, and that nobody is told the same twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Notice } from '../../src/volume/notices.js';
import { fourDisks, House } from './support/house.js';
import { beats } from './support/rot.js';

function words(notice: Notice): string {
  return notice.event === 'disk' ? `${notice.path} ${notice.from} -> ${notice.to}` : notice.held ? 'held' : `not held, ${notice.remainingTolerance} left`;
}

/** A mounted house whose notices are collected. */
async function listened(house: House): Promise<Notice[]> {
  await house.mount();
  const notices: Notice[] = [];
  house.volume.onNotice((notice) => notices.push(notice));
  return notices;
}

test('a disk that fails and the protection that goes with it are told once, with the time of the loss; status says since when', async () => {
  await House.with(fourDisks, async (house) => {
    const notices = await listened(house);
    await house.save('a', house.bytes(10_000));
    await beats(house, 15);
    assert.equal(notices.length, 0, 'all is well');
    const lostAt = house.volume.clock.now().sec;
    const [disk] = house.volume.core.disks.healthy();
    house.volume.core.disks.fail(disk?.id as never, new Error('pulled'));
    assert.deepEqual(notices.map(words), ['/disk0 healthy -> failed'], 'at once');
    await beats(house, 20);
    assert.deepEqual(notices.map(words), ['/disk0 healthy -> failed', 'not held, 1 left']);
    const [first, second] = notices;
    assert.deepEqual([first?.event === 'disk' && first.reason, first?.time.sec], ['pulled', lostAt]);
    assert.match(second?.event === 'protection' ? second.reasons.join() : '', /\/disk0 is failed: pulled/);
    const { disks, redundancy } = await house.run(house.volume.status());
    assert.deepEqual(disks.map(({ state, changes }) => [state, changes]), [['failed', 1], ['healthy', 0], ['healthy', 0], ['healthy', 0]]);
    assert.equal(Math.floor(disks[0]?.since ?? 0), lostAt);
    assert.ok(redundancy.since >= lostAt && redundancy.since < lostAt + 3);
    await house.close();
  });
});

test('at the next mount what was told already is no news and has its old time; a disk that is back is told, and protection after it has held for a while', async () => {
  await House.with(fourDisks, async (house) => {
    house.world.absent.add('/disk2');
    const first = await listened(house);
    await beats(house, 2);
    assert.deepEqual(first.map(words), ['/disk2 healthy -> missing', 'not held, 1 left']);
    await house.close();
    const again = await listened(house);
    await beats(house, 5);
    assert.equal(again.length, 0);
    const { disks } = await house.run(house.volume.status());
    assert.deepEqual([disks[2]?.state, Math.floor(disks[2]?.since ?? 0)], ['missing', first[0]?.time.sec]);
    await house.close();
    house.world.absent.delete('/disk2');
    const back = await listened(house);
    await beats(house, 5);
    assert.deepEqual(back.map(words), ['/disk2 missing -> healthy']);
    await beats(house, 10);
    assert.deepEqual(back.map(words), ['/disk2 missing -> healthy', 'held']);
    await house.close();
  });
});

test('what a command finds while nobody listens is told at the next mount that somebody listens to', async () => {
  await House.with(fourDisks, async (house) => {
    house.world.absent.add('/disk1');
    await house.mount();
    await beats(house, 3);
    await house.close();
    const notices = await listened(house);
    await beats(house, 2);
    // Nothing is only here: as many as ever may go, and yet a disk is missing.
    assert.deepEqual(notices.map(words), ['/disk1 healthy -> missing', 'not held, 2 left']);
    await house.close();
  });
});

test('a volume that takes no changes any more is told as one whose protection does not hold', async () => {
  await House.with(fourDisks, async (house) => {
    const notices = await listened(house);
    house.volume.core.fail(new Error('no disk takes the journal'), 'the journal could not be written');
    await beats(house, 2);
    assert.match(notices.map((notice) => (notice.event === 'protection' ? notice.reasons[0] : '')).join(), /takes no changes any more/);
    await assert.rejects(house.close(), { code: 'volume-failed' });
  });
});
