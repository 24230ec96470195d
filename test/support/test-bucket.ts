// The S3 server that the environment names, and a fresh bucket on it.
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { Random } from '../../src/base/random.js';
import type { S3Settings } from '../../src/objectstore/s3-settings.js';

export interface TestS3 {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** null when HOLDFAST_TEST_S3_ENDPOINT is not set: the test says that it is skipped. */
export function s3FromEnvironment(): TestS3 | null {
  const { HOLDFAST_TEST_S3_ENDPOINT: endpoint, HOLDFAST_TEST_S3_KEY: accessKeyId = 'test', HOLDFAST_TEST_S3_SECRET: secretAccessKey = 'testsecret' } = process.env;
  return endpoint === undefined || endpoint === '' ? null : { endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } };
}

export async function createTestBucket(server: TestS3, random: Random): Promise<{ readonly bucket: string; readonly settings: S3Settings }> {
  const bucket = `holdfast-test-${random.bytes(6).toString('hex')}`;
  const client = new S3Client({ ...server, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return { bucket, settings: { ...server, pathStyle: true } };
}
