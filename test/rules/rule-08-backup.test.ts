// Rule 8: what the backup is believed to hold is really there, and every root can be restored, whenever it was made.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSegmentNumber } from '../../src/base/ids.js';
import { restoreVolumeWith } from '../../src/recovery/restore.js';
import { publishLocalImage } from '../../src/volume/image-point.js';
import { openVolumeWith } from '../../src/volume/open.js';
import { Faults } from './support/faults.js';
import { fourDisks, House } from './support/house.js';

/** All disks and all state are gone: the volume from its backup, on new disks. Left un-mounted. */
async function restoreElsewhere(house: House, name = 'bare'): Promise<void> {
  const settings = { ...house.settings, stateDir: `${house.world.stateDir}/${name}`, disks: house.settings.disks.map((_, i) => ({ path: `/${name}${i}` })) };
  for (const { path } of settings.disks) house.world.insertDisk(path);
  const report = await house.run(restoreVolumeWith({ settings, at: null }, house.world.ports(), () => {}));
  assert.deepEqual(report.lost, []);
  house.settings = settings;
}

test('a root can be restored although its image was taken while a segment was still being sealed', async () => {
  await House.with(fourDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.write('a', bytes);
    faults.decide = (_, call) => (call.operation === 'create' && call.path.startsWith('shards/') ? { type: 'hang' } : undefined);
    const flushing = house.volume.flush();
    await house.let(300);
    assert.equal(house.volume.core.skeleton.segment(asSegmentNumber(1))?.state, 'open', 'the image was made by now');
    faults.none();
    await house.run(flushing);
    await house.close();
    await restoreElsewhere(house);
    await house.mount();
    await house.expect('a', bytes);
    assert.equal(house.volume.core.skeleton.segment(asSegmentNumber(1))?.state, 'sealed', 'it is on the disks again');
    await house.check();
    await house.close();
  });
});

test('a restore that dies before its data is back leaves a volume that mounts and reads through the backup', async () => {
  await House.with(fourDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.write('a', bytes);
    faults.decide = (_, call) => (call.operation === 'create' && call.path.startsWith('shards/') ? { type: 'hang' } : undefined);
    const flushing = house.volume.flush();
    await house.let(300);
    faults.none();
    await house.run(flushing);
    await house.close();
    const settings = { ...house.settings, stateDir: `${house.world.stateDir}/bare`, disks: house.settings.disks.map((_, i) => ({ path: `/bare${i}` })) };
    for (const { path } of settings.disks) house.world.insertDisk(path);
    faults.decide = (_, call) => (call.operation === 'create' && call.path.startsWith('shards/') ? { type: 'hang' } : undefined);
    void restoreVolumeWith({ settings, at: null }, house.world.ports(), () => {}).catch(() => null);
    await house.until(() => faults.hanging > 0, 'the data begins to come back');
    house.world.kill();
    faults.decide = () => undefined;
    house.settings = settings;
    const volume = await house.run(openVolumeWith(settings, house.world.ports()));
    const inode = volume.view.lookup(1 as never, Buffer.from('a'));
    assert.ok(inode);
    const answer = volume.read(inode.ino, 0, Number(inode.size));
    assert.ok(Buffer.from(Buffer.isBuffer(answer) ? answer : await house.run(answer)).equals(bytes));
    await house.run(volume.close());
  });
});

test('scheme copy: bytes that are in the backup stay in the journal until a root stands for them', async () => {
  await House.with({ disks: 4, parity: 1, tolerance: 2, scheme: 'copy', backup: true, journalDisks: 3 }, async (house) => {
    await house.mount();
    await house.save('a', house.bytes(1_000));
    await house.flush();
    const bytes = house.bytes(600_000);
    await house.save('b', bytes);
    house.world.storeFault = (operation, key) => (operation === 'put' && key.startsWith('roots/') ? 'error' : null);
    await assert.rejects(house.flush(), 'no root can be written');
    assert.ok(house.volume.core.skeleton.segments(asSegmentNumber(0), 100, 'all').every((row) => row.present || row.live === 0), 'the segments are there');
    for (let round = 0; round < 3; round++) {
      await house.save('c', house.bytes(100));
      await house.run(publishLocalImage(house.volume.core, house.volume.points));
    }
    house.world.storeFault = () => 'error';
    house.losePower();
    house.world.absent.add('/disk0').add('/disk1');
    await house.mount();
    await house.expect('b', bytes);
    house.world.storeFault = () => null;
    await house.flush();
    assert.ok(house.volume.core.journal.retainedBytes < 600_000, 'and go after it');
    await house.close();
  });
});
