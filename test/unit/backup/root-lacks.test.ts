// What a root lacks, which roots stay because of it, and the end of the sequence when it cannot be read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rootKey } from '../../../src/backup/keys.js';
import { StoredRootLog } from '../../../src/backup/root-log.js';
import { runsOf, segmentsIn } from '../../../src/backup/segment-runs.js';
import { isErrorOf } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import { FaultyObjectStore } from '../../../src/objectstore/faulty-object-store.js';
import { MemoryObjectStore } from '../../../src/objectstore/memory-object-store.js';
import type { ObjectStore } from '../../../src/objectstore/object-store.js';
import { QuickClock } from '../../support/quick-clock.js';
import { backupOn, claimBody, generation, rootOf, segmentId } from './support.js';

let seeds = 1;
const logOn = (store: ObjectStore): StoredRootLog => new StoredRootLog({ store, clock: new QuickClock(), random: new SeededRandom(seeds++), logger: silentLogger });

test('what a root lacks is read back as written, and a complete root does not mention it', async () => {
  const store = new MemoryObjectStore();
  const log = logOn(store);
  await log.claim(claimBody());
  const whole = await log.publish(rootOf(10));
  const ids = [9, 4, 5, 6, 12].map((number) => segmentId(number)).concat(segmentId(7, 2));
  const lacking = await log.publish({ ...rootOf(11), lost: runsOf(ids), pending: runsOf([segmentId(40)]) });
  assert.deepEqual(lacking.lost.map(({ first, last }) => [first, last]), [[4, 6], [7, 7], [9, 9], [12, 12]]);
  assert.equal(segmentsIn(lacking.lost), ids.length);
  assert.deepEqual(await logOn(store).list(), [whole, lacking]);
  assert.doesNotMatch((await store.get(rootKey(whole.sequence))).toString(), /lost|pending/);
});

test('the end of the sequence: what cannot be read there is not passed over in silence', async () => {
  const store = new MemoryObjectStore();
  const log = logOn(store);
  assert.deepEqual(await log.tip(), { newest: null, damaged: null });
  await log.claim(claimBody());
  const root = await log.publish(rootOf(10));
  const last = await log.publish(rootOf(11));
  assert.deepEqual(await log.tip(), { newest: last, damaged: null });
  store.damage(rootKey(last.sequence), (bytes) => bytes.subarray(0, 50));
  const fresh = logOn(store);
  assert.deepEqual(await fresh.tip(), { newest: root, damaged: last.sequence });
  assert.deepEqual(await fresh.damaged(), [last.sequence]);
  assert.deepEqual(await fresh.newest(), root);
});

test('what a damaged object is replaced for: an owner, also one whose last root is of unknown fate, and nobody else', async () => {
  const memory = new MemoryObjectStore();
  let lose = false;
  const log = logOn(new FaultyObjectStore(memory, (operation) => (lose ? (operation === 'put' ? 'lost-reply' : 'error') : null)));
  await assert.rejects(log.assertNotFenced(), (error) => isErrorOf(error, 'conflict'));
  await log.claim(claimBody());
  lose = true;
  await assert.rejects(log.publish(rootOf(1)));
  lose = false;
  await assert.rejects(log.assertOwned(), (error) => isErrorOf(error, 'unavailable'), 'nothing is deleted');
  await log.assertNotFenced();
  await logOn(memory).claim(claimBody(2));
  await log.publish(rootOf(2)).catch(() => null);
  await assert.rejects(log.assertNotFenced(), (error) => isErrorOf(error, 'conflict'));
});

test('which roots stay: the newest ones, the newest complete one however old, and no partial one once its flush has ended', async () => {
  const store = new MemoryObjectStore();
  await backupOn(store).claimMarker();
  const backup = backupOn(store, 1);
  await backup.roots.claim(claimBody());
  const run = [{ generation: generation(1).id, first: segmentId(3).number, last: segmentId(7).number }];
  const make = async (lost: boolean, pending: boolean): Promise<number> => (await backup.roots.publish({ ...rootOf(10), lost: lost ? run : [], pending: pending ? run : [] })).sequence;
  const complete = [await make(false, false), await make(false, false)];
  await make(false, true);
  const lacking = [await make(true, false), await make(true, false), await make(true, false)];
  const partial = await make(true, true);
  const kept = async (keepRoots: number): Promise<readonly number[]> => {
    await backup.collect({ keepRoots, dead: () => [] });
    return (await backup.roots.list()).map(({ sequence }) => sequence);
  };
  assert.deepEqual(await kept(2), [complete[1], lacking[1], lacking[2], partial], 'a partial one at the very end may be all that a flush has reached');
  const next = await make(false, false);
  assert.deepEqual(await kept(1), [next]);
});
