// Runs the object-store contract against memory, a directory, and an S3 server where the environment names one:
// HOLDFAST_TEST_S3_ENDPOINT, HOLDFAST_TEST_S3_KEY, HOLDFAST_TEST_S3_SECRET.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SystemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { SeededRandom, systemRandom } from '../../src/base/random.js';
import { DirectoryObjectStore } from '../../src/objectstore/directory-object-store.js';
import { FaultyObjectStore } from '../../src/objectstore/faulty-object-store.js';
import { LimitedObjectStore } from '../../src/objectstore/limited-object-store.js';
import { MemoryObjectStore } from '../../src/objectstore/memory-object-store.js';
import { RetryingObjectStore } from '../../src/objectstore/retrying-object-store.js';
import { S3ObjectStore } from '../../src/objectstore/s3-object-store.js';
import { FaultyS3Server } from '../support/faulty-s3-server.js';
import { QuickClock } from '../support/quick-clock.js';
import { createTestBucket, s3FromEnvironment } from '../support/test-bucket.js';
import { objectStoreContract } from './object-store-suite.js';

objectStoreContract('memory', async () => ({ store: new MemoryObjectStore() }));

objectStoreContract('directory', async () => {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-store-'));
  return { store: new DirectoryObjectStore(path), cleanUp: () => rm(path, { recursive: true }) };
});

objectStoreContract('memory behind all wrappers, failing now and then', async () => {
  const random = new SeededRandom(11);
  const faulty = new FaultyObjectStore(new MemoryObjectStore(), () => (random.below(8) === 0 ? 'busy' : random.below(8) === 0 ? 'error' : null));
  const clock = new QuickClock();
  const limited = new LimitedObjectStore(faulty, clock, { concurrencyMax: 3, uploadBytesPerSecond: 1e6, downloadBytesPerSecond: 1e6 });
  return { store: new RetryingObjectStore(limited, { clock, random, logger: silentLogger }, { attemptsMax: 12, firstDelayMs: 10, delayMsMax: 100 }) };
});

objectStoreContract('S3 adapter, answered from memory', async () => {
  const server = await FaultyS3Server.start(new MemoryObjectStore());
  const { bucket, settings } = await createTestBucket({ endpoint: server.endpoint, region: 'us-east-1', credentials: { accessKeyId: 'k', secretAccessKey: 's' } }, systemRandom);
  return { store: new S3ObjectStore(bucket, 'some/prefix', { ...settings, multipartFromBytes: 150_000, partBytes: 60_000 }, { clock: new SystemClock(), logger: silentLogger }), cleanUp: () => server.close() };
});

const s3 = s3FromEnvironment();
if (s3 === null) {
  test('object store contract: S3', { skip: 'HOLDFAST_TEST_S3_ENDPOINT is not set' }, () => {});
} else {
  const partBytes = 5 * 1024 * 1024;
  for (const checksum of ['crc32c', 'md5'] as const) {
    objectStoreContract(
      `S3, ${checksum}`,
      async () => {
        const { bucket, settings } = await createTestBucket(s3, systemRandom);
        const store = new S3ObjectStore(bucket, 'some/prefix', { ...settings, checksum, multipartFromBytes: 2 * partBytes, partBytes }, { clock: new SystemClock(), logger: silentLogger });
        return { store: new RetryingObjectStore(store, { clock: new SystemClock(), random: systemRandom, logger: silentLogger }) };
      },
      { largeBytes: 2 * partBytes + 12_345 },
    );
  }
}
