// Rule 5: after a disk is lost, protection is made whole by itself, and status says exactly what is left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Faults } from './support/faults.js';
import { fiveDisks, House } from './support/house.js';

test('a disk dies under load, a flush is due, and then tolerance more may go', async () => {
  await House.with(fiveDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const bytes = house.bytes(200_000);
    await house.save('a', bytes);
    faults.decide = (disk) => (disk.path === '/disk0' ? { type: 'gone' } : undefined);
    const tail = house.bytes(3_000);
    await house.save('b', tail);
    await house.pass(20_000);
    assert.ok(house.volume.due().some((reason) => reason.startsWith('lost disk')), 'a flush is due');
    await house.flush();
    const last = house.bytes(3_000);
    await house.save('c', last);
    await house.pass(5_000);
    house.losePower();
    faults.none();
    house.world.absent.add('/disk0').add('/disk1').add('/disk2');
    await house.mount();
    await house.expect('a', bytes);
    await house.expect('b', tail);
    await house.expect('c', last);
    await house.close();
  });
});

test('what was not synced again before the loss is on tolerance + 1 disks soon after it, without another write', async () => {
  await House.with(fiveDisks, async (house) => {
    const faults = Faults.of(house);
    await house.mount();
    const bytes = house.bytes(3_000);
    await house.save('a', bytes);
    const [victim] = house.volume.core.generation.journalDisks;
    const path = house.volume.core.disks.members.find((member) => member.disk?.id === victim)?.path ?? '';
    faults.decide = (disk) => (disk.path === path ? { type: 'gone' } : undefined);
    const { core } = house.volume;
    await house.until(() => !core.generation.journalDisks.includes(victim as never), 'the journal goes to other disks');
    await house.until(() => !core.protectionDue, 'what was there before is copied');
    await house.let(2_000);
    assert.equal(core.journalCopies, null, 'to enough of them');
    house.losePower();
    faults.none();
    house.world.absent.add(path);
    const others = [...house.world.slots.keys()].filter((other) => other !== path).slice(0, 2);
    for (const other of others) house.world.absent.add(other);
    await house.mount();
    await house.expect('a', bytes);
    await house.close();
  });
});
