// The way to a bucket and back, beside what the S3 SDK alone does with objects of the size of a segment in the same run.
// The bucket is on the server that HOLDFAST_TEST_S3_ENDPOINT names; where there is none, on a small one in this process, which says little.
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { DeleteBucketCommand, DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { systemRandom } from '../../../src/base/random.js';
import { MemoryObjectStore } from '../../../src/objectstore/memory-object-store.js';
import { FaultyS3Server } from '../../support/faulty-s3-server.js';
import { createTestBucket, s3FromEnvironment, type TestS3 } from '../../support/test-bucket.js';
import { client } from '../child.js';
import type { BackupPlace, HoldfastTarget } from '../holdfast.js';
import { mebibyte, seconds, type Stage } from '../stage.js';

const objectBytes = 32 * mebibyte;
const atOnce = 4;

export interface Bucket {
  readonly server: TestS3;
  readonly name: string;
  readonly place: BackupPlace;
  /** Requests so far; they pass through this process where `counted`. */
  readonly requests: () => number;
  close(): Promise<void>;
}

export async function openBucket(counted: boolean): Promise<Bucket> {
  const real = s3FromEnvironment();
  const between = real === null || counted ? await FaultyS3Server.start(real?.endpoint ?? new MemoryObjectStore()) : null;
  const server: TestS3 = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' }, ...real, endpoint: between?.endpoint ?? real?.endpoint ?? '' };
  // The SDK alone sends no checksums below.
  if (between?.small) between.small.checks = false;
  const { bucket } = await createTestBucket(server, systemRandom);
  const lines = [`url = "s3://${bucket}/bench"`, `endpoint = "${server.endpoint}"`, `region = "${server.region}"`, 'path_style = true'];
  const close = async (): Promise<void> => {
    if (real !== null) await removeBucket(server, bucket);
    await between?.close();
  };
  const environment = { AWS_ACCESS_KEY_ID: server.credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey };
  return { server, name: bucket, place: { lines, environment }, requests: () => between?.requests.length ?? 0, close };
}

export async function backupPath({ results, sizes }: Stage, target: HoldfastTarget, bucket: Bucket): Promise<void> {
  const path = join(target.folder, 'big');
  const bytes = sizes.bigMebibytes * mebibyte;
  const rate = (seconds: number): number => bytes / 1e6 / seconds;
  const sdk = sdkFor(bucket.server);
  const keys = Array.from({ length: Math.ceil(bytes / objectBytes) }, (_, number) => `alone/${number}`);
  const Body = randomFillSync(Buffer.allocUnsafeSlow(objectBytes));
  const put = (Key: string): Promise<unknown> => sdk.send(new PutObjectCommand({ Bucket: bucket.name, Key, Body }));
  results.add(target.name, 'S3 SDK alone, put', 'MB/s', rate(await seconds(() => several(keys, put))));
  const get = async (Key: string): Promise<void> => {
    const { Body: body } = await sdk.send(new GetObjectCommand({ Bucket: bucket.name, Key }));
    const got = await body?.transformToByteArray();
    if (got?.length !== objectBytes) throw new Error(`${Key} came back with ${got?.length} bytes`);
  };
  results.add(target.name, 'S3 SDK alone, get', 'MB/s', rate(await seconds(() => several(keys, get))));
  sdk.destroy();
  await client({ work: 'write', path, mebibytes: sizes.bigMebibytes });
  results.add(target.name, 'flush to S3', 'MB/s', rate(await seconds(() => target.flush())));
  await target.unmount();
  results.add(target.name, 'restore from S3', 'MB/s', rate(await target.restore(`s3://${bucket.name}/bench`, bucket.server)));
  await target.mount();
  await client({ work: 'read', path, mebibytes: sizes.bigMebibytes });
}

/** As fast as it gets: without checksums of its own. */
function sdkFor(server: TestS3): S3Client {
  return new S3Client({ ...server, forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' });
}

async function removeBucket(server: TestS3, Bucket: string): Promise<void> {
  const sdk = sdkFor(server);
  for (;;) {
    const { Contents = [] } = await sdk.send(new ListObjectsV2Command({ Bucket }));
    if (Contents.length === 0) break;
    await several(
      Contents.flatMap(({ Key }) => Key ?? []),
      (Key) => sdk.send(new DeleteObjectCommand({ Bucket, Key })),
    );
  }
  await sdk.send(new DeleteBucketCommand({ Bucket }));
  sdk.destroy();
}

async function several(keys: readonly string[], action: (key: string) => Promise<unknown>): Promise<void> {
  const left = [...keys];
  const worker = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) await action(key);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
