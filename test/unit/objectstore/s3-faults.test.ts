// The S3 adapter against a server that misbehaves.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { SystemClock } from '../../../src/base/clock.js';
import { type ErrorKind, isErrorOf } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import { MemoryObjectStore } from '../../../src/objectstore/memory-object-store.js';
import { openObjectStore } from '../../../src/objectstore/open-object-store.js';
import { S3ObjectStore } from '../../../src/objectstore/s3-object-store.js';
import type { S3Settings } from '../../../src/objectstore/s3-settings.js';
import { FaultyS3Server, type S3Fault } from '../../support/faulty-s3-server.js';
import { QuickClock } from '../../support/quick-clock.js';
import { createTestBucket } from '../../support/test-bucket.js';

const secretAccessKey = 'very-secret-word';
let server: FaultyS3Server;
let memory: MemoryObjectStore;
let bucket: string;
let settings: S3Settings;
const open = (more: S3Settings = {}): S3ObjectStore => new S3ObjectStore(bucket, 'p', { ...settings, idleTimeoutMs: 300, ...more }, { clock: new SystemClock(), logger: silentLogger });

before(async () => {
  memory = new MemoryObjectStore();
  server = await FaultyS3Server.start(memory);
  ({ bucket, settings } = await createTestBucket({ endpoint: server.endpoint, region: 'us-east-1', credentials: { accessKeyId: 'key', secretAccessKey } }, new SeededRandom(1)));
});
after(() => server.close());
beforeEach(() => {
  server.fault = () => null;
});

test('each way to fail has its kind and code, names endpoint and key, says what to do, and tells no secret', async () => {
  const cases: readonly (readonly [S3Fault, ErrorKind, string])[] = [
    ['internal-error', 'unavailable', 'store-unavailable'],
    ['busy', 'unavailable', 'store-slow'],
    ['credentials', 'invalid', 'store-credentials'],
    ['full', 'full', 'store-full'],
    ['drop', 'unavailable', 'store-unavailable'],
    ['lost-reply', 'unavailable', 'store-unavailable'],
    ['hang', 'unavailable', 'store-unavailable'],
    ['damage-upload', 'corrupt', 'store-checksum'],
  ];
  const store = open();
  for (const [fault, kind, code] of cases) {
    server.fault = () => fault;
    await assert.rejects(store.put(`key-${String(fault)}`, [Buffer.from('some bytes')], { ifAbsent: true }), (error) => {
      assert.ok(isErrorOf(error, kind), `${String(fault)}: ${String(error)}`);
      assert.equal(error.code, code);
      assert.ok(error.message.includes(server.endpoint) && error.message.includes(`key-${String(fault)}`), error.message);
      assert.ok((error.hint ?? '').length > 10);
      assert.ok(!JSON.stringify([error.message, error.context, String(error.cause), error.cause]).includes(secretAccessKey));
      return true;
    });
  }
  await store.close();
});

test('a reply that ends early and a web page instead of S3 are errors, not data', async () => {
  const store = open();
  await store.put('whole', [Buffer.alloc(500_000, 1)], { ifAbsent: true });
  server.fault = () => 'truncate';
  await assert.rejects(store.get('whole'), (error) => isErrorOf(error, 'unavailable'));
  server.fault = () => 'no-s3';
  for (const action of [
    () => keysOf(store),
    () => store.head('x'),
    () => store.get('whole'),
    () => store.put('new', [Buffer.from('x')], { ifAbsent: true }),
    () => open({ multipartFromBytes: 1 }).put('new', [Buffer.from('x')], { ifAbsent: true }),
  ]) {
    await assert.rejects(action(), (error) => isErrorOf(error, 'unavailable'));
  }
  await store.close();
});

test('a server that is not there, a bucket that is not there', async () => {
  const gone = open({ endpoint: 'http://127.0.0.1:1' });
  await assert.rejects(gone.get('x'), (error) => isErrorOf(error, 'unavailable') && error.message.includes('127.0.0.1:1'));
  const other = new S3ObjectStore('no-such-bucket', '', settings, { clock: new SystemClock(), logger: silentLogger });
  for (const action of [() => other.get('x'), () => other.put('x', [Buffer.from('x')], { ifAbsent: true }), () => keysOf(other)]) await assert.rejects(action(), (error) => isErrorOf(error, 'invalid') && error.code === 'store-no-bucket');
  await gone.close();
  await other.close();
});

async function keysOf(store: S3ObjectStore): Promise<void> {
  for await (const info of store.list('')) assert.ok(info);
}

test('the composed store gets through what passes: errors, slow-downs, broken connections, listings that break off', async () => {
  const clock = new QuickClock();
  const store = await openObjectStore(`s3://${bucket}/composed`, { ...settings, idleTimeoutMs: 300 }, { clock, random: new SeededRandom(2), logger: silentLogger });
  const random = new SeededRandom(3);
  const faults: readonly S3Fault[] = ['internal-error', 'busy', 'drop', 'truncate'];
  server.fault = (request) => (random.below(3) === 0 && !(request.method === 'HEAD') ? (faults[random.below(request.method === 'GET' ? 4 : 3)] ?? null) : null);
  for (let i = 0; i < 20; i++) await store.put(`many/${String(i).padStart(3, '0')}`, [Buffer.alloc(100 + i, i)], { ifAbsent: true });
  const found: string[] = [];
  for await (const { key } of store.list('many/')) found.push(key);
  assert.deepEqual(found, [...found].sort());
  assert.equal(found.length, 20);
  for (let i = 0; i < 20; i++) assert.ok((await store.get(`many/${String(i).padStart(3, '0')}`)).equals(Buffer.alloc(100 + i, i)));
  assert.ok(clock.delays.some((delay) => delay >= 125));
  await store.close();
});

test('an upload counts only when its bytes are proven: by echo, by MD5, else by reading back', async () => {
  const bytes = new SeededRandom(5).bytes(50_000);
  for (const proof of ['echo', 'md5', 'none'] as const) {
    assert.ok(server.small !== null);
    server.small.proof = proof;
    const store = open();
    const from = server.requests.length;
    await store.put(`proof/${proof}`, [bytes], { ifAbsent: true });
    assert.deepEqual(
      server.requests.slice(from).map(({ method }) => method),
      proof === 'none' ? ['PUT', 'GET'] : ['PUT'],
    );
    server.fault = (request) => (request.method === 'PUT' ? 'damage-upload' : null);
    server.small.checks = false;
    await assert.rejects(store.put(`damaged/${proof}`, [bytes], { ifAbsent: true }), (error) => isErrorOf(error, 'corrupt') && error.code === 'store-checksum');
    server.small.checks = true;
    server.fault = () => null;
    await store.close();
  }
  assert.ok(server.small !== null);
  server.small.proof = 'echo';
});

test('credentials are not tried again', async () => {
  const store = await openObjectStore(`s3://${bucket}/x`, settings, { clock: new QuickClock(), random: new SeededRandom(2), logger: silentLogger });
  server.fault = () => 'credentials';
  const from = server.requests.length;
  await assert.rejects(store.get('a'), (error) => isErrorOf(error, 'invalid'));
  assert.equal(server.requests.length, from + 1);
  await store.close();
});

test('an upload in parts that fails is aborted, one that succeeds is whole', async () => {
  const store = open({ multipartFromBytes: 1000, partBytes: 400 });
  const bytes = new SeededRandom(4).bytes(1300);
  await store.put('parts', [bytes.subarray(0, 350), bytes.subarray(350, 390), bytes.subarray(390)], { ifAbsent: true });
  assert.ok((await store.get('parts')).equals(bytes));
  await assert.rejects(store.put('parts', [bytes], { ifAbsent: true }), (error) => isErrorOf(error, 'conflict'));
  server.fault = (request) => (request.query.get('partNumber') === '3' ? 'internal-error' : null);
  await assert.rejects(store.put('parts-2', [bytes], { ifAbsent: true }), (error) => isErrorOf(error, 'unavailable'));
  assert.equal(server.small?.openUploads, 0);
  assert.equal(await store.head('parts-2'), null);
  await store.close();
});

test('the number of requests at a time is bounded', async () => {
  const store = await openObjectStore(`s3://${bucket}/bounded`, { ...settings, limits: { concurrencyMax: 3 } }, { clock: new QuickClock(), random: new SeededRandom(2), logger: silentLogger });
  server.concurrencySeen = 0;
  await Promise.all(Array.from({ length: 30 }, (_, i) => store.put(`k${i}`, [Buffer.from('x')], { ifAbsent: true })));
  assert.ok(server.concurrencySeen <= 3 && server.concurrencySeen >= 1, String(server.concurrencySeen));
  await store.close();
});
