// The backup on the S3 server that the environment names, behind one that fails: claims race, replies are lost, the store dies and returns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Backup, openBackup } from '../../src/backup/backup.js';
import { SystemClock } from '../../src/base/clock.js';
import { isErrorOf } from '../../src/base/errors.js';
import { silentLogger } from '../../src/base/logger.js';
import { SeededRandom, systemRandom } from '../../src/base/random.js';
import { ThreadedCodec } from '../../src/native/threaded-codec.js';
import { openObjectStore } from '../../src/objectstore/open-object-store.js';
import { FaultyS3Server } from '../support/faulty-s3-server.js';
import { createTestBucket, s3FromEnvironment } from '../support/test-bucket.js';
import { claimBody, failureOf, point, readAll, rootOf, segmentId, TestDatabase, volume } from '../unit/backup/support.js';

const s3 = s3FromEnvironment();
const ports = { clock: new SystemClock(), random: systemRandom, logger: silentLogger };

test('a backup on S3 keeps its promises through races and failures', { skip: s3 === null ? 'HOLDFAST_TEST_S3_ENDPOINT is not set' : false }, async () => {
  assert.ok(s3 !== null);
  const server = await FaultyS3Server.start(s3.endpoint);
  const { bucket, settings } = await createTestBucket(s3, systemRandom);
  const retry = { attemptsMax: 3, firstDelayMs: 5, delayMsMax: 20 };
  const open = async (): Promise<Backup> => openBackup({ ...ports, volume, codec: new ThreadedCodec(), store: await openObjectStore(`s3://${bucket}/vol`, { ...settings, endpoint: server.endpoint, retry }, ports) });
  const backups = await Promise.all(Array.from({ length: 4 }, open));
  const [first] = backups;
  assert.ok(first !== undefined);
  await Promise.all(backups.map((backup) => backup.claimMarker()));
  assert.deepEqual(await first.roots.probe().then(({ fences }) => fences), true);
  await Promise.allSettled(backups.map((backup) => backup.roots.claim(claimBody())));
  const published = await Promise.allSettled(backups.map((backup) => backup.roots.publish(rootOf(1))));
  const winners = backups.filter((_, i) => published[i]?.status === 'fulfilled');
  assert.equal(winners.length, 1);

  const owner = await open();
  await owner.roots.claim(claimBody(2));
  for (const loser of winners) await assert.rejects(loser.roots.publish(rootOf(2)), (error) => isErrorOf(error, 'conflict') && error.code === 'backup-fenced');
  const random = new SeededRandom(1);
  const database = new TestDatabase(20 * 65_536, random);
  const segments = [1, 2, 3].map((number) => ({ id: segmentId(number), bytes: random.bytes(300_000 * number) }));
  const flush = async (lsn: number): Promise<void> => {
    const intent = await owner.beginFlush(point(lsn).lsn);
    const { image } = await owner.images.publish(database, null, point(lsn), false);
    await Promise.all(segments.map(({ id, bytes }) => owner.segments.put(id, bytes)));
    await owner.roots.publish(rootOf(lsn, image, 2));
    await intent.end();
  };
  let calls = 0;
  for (const fault of ['internal-error', 'lost-reply', 'credentials', 'full', 'drop'] as const) {
    calls = 0;
    server.fault = () => (++calls > 4 ? fault : null);
    const failure = await failureOf(flush(10));
    assert.ok(isErrorOf(failure, 'unavailable', 'invalid', 'full'), `${fault}: ${String(failure)}`);
  }
  server.fault = () => (++calls % 4 === 0 ? 'lost-reply' : null);
  await flush(20);
  server.fault = () => null;
  database.change(3);
  await flush(30);
  await owner.collect({ keepRoots: 1, dead: () => [segmentId(77)] });
  const reader = await open();
  const root = (await reader.roots.list()).at(-1);
  assert.equal(root?.cut, 30);
  assert.ok(root?.image !== null && root !== undefined);
  assert.ok((await readAll(reader.images.chunks(root.image))).equals(database.data));
  for (const { id, bytes } of segments) assert.ok((await reader.segments.get(id, 0, bytes.length)).equals(bytes));
  await Promise.all([...backups, owner, reader].map((backup) => backup.close()));
  await server.close();
});
