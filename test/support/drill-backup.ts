// The backup of a drill: a bucket of the S3 server that the environment names, else a directory; and a way to tamper with it.
import { SystemClock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/logger.js';
import { systemRandom } from '../../src/base/random.js';
import type { ObjectStore } from '../../src/objectstore/object-store.js';
import { openObjectStore } from '../../src/objectstore/open-object-store.js';
import type { DrillOptions } from './mounted.js';
import { createTestBucket, s3FromEnvironment } from './test-bucket.js';

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** {}: the drill's own directory. */
export async function bucketOrDirectory(): Promise<Pick<DrillOptions, 'backup'>> {
  const server = s3FromEnvironment();
  if (server === null) return {};
  const { bucket } = await createTestBucket(server, systemRandom);
  const environment = { AWS_ACCESS_KEY_ID: server.credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey };
  return { backup: { url: `s3://${bucket}/drill`, words: ['--endpoint', server.endpoint, '--region', server.region], environment } };
}

/** The store behind a drill's backup, for looking and tampering; the caller closes it. */
export function storeOf(url: string): Promise<ObjectStore> {
  const server = s3FromEnvironment();
  const ports = { clock: new SystemClock(), random: systemRandom, logger: silent };
  return openObjectStore(url, server === null ? { endpoint: null, region: null, pathStyle: false, profile: null } : { ...server, pathStyle: true }, ports);
}
