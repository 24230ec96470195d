// Drill 6: the backup fails in every way during a flush. Each time the error says what failed, to what, and what to do; the mount is
// unharmed and takes writes; nothing is lost; the next flush finishes, and a restore from it is the same tree.
// A proxy that misbehaves stands before the S3 that HOLDFAST_TEST_S3_ENDPOINT names, else before a small one of our own.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { MemoryObjectStore } from '../../../src/objectstore/memory-object-store.js';
import { FaultyS3Server, type S3Fault } from '../../support/faulty-s3-server.js';
import type { S3Request } from '../../support/small-s3-server.js';
import { s3FromEnvironment } from '../../support/test-bucket.js';
import { assertSameTree, ofCopies, type Tree } from '../../support/tree.js';
import { byHand, eventually, mountObstacle, type Outcome, VolumeProcess } from '../../support/volume-process.js';

/** The tree is read by a process of its own: this one serves the backup, and must not wait for the mount. */
async function treeBeside(folder: string): Promise<Tree> {
  const script = `import { treeOf } from ${JSON.stringify(new URL('../../support/tree.js', import.meta.url).href)}; process.stdout.write(JSON.stringify([...treeOf(${JSON.stringify(folder)})]));`;
  const text = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '-e', script], { maxBuffer: 1 << 28 }, (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
  });
  return new Map(JSON.parse(text) as [string, never][]); // written by the line above
}

/** More files, one of several segments' worth in all, so that the backup has something to fail at. */
class Load {
  readonly #volume: VolumeProcess;
  #round = 0;

  constructor(volume: VolumeProcess) {
    this.#volume = volume;
  }

  async write(): Promise<void> {
    const round = ++this.#round;
    for (let file = 0; file < 5; file++) await writeFile(this.#volume.at(`r${round}-${file}`), randomBytes(300_000 * (file + 1)));
    await appendFile(this.#volume.at('all'), `round ${round}\n`);
    if (round > 2) await rm(this.#volume.at(`r${round - 2}-0`));
  }
}

/** The same whatever failed. */
async function assertUnharmed(volume: VolumeProcess, load: Load): Promise<void> {
  const { state, backlog, backup, lastFlush } = await volume.status();
  assert.equal(state, 'serving');
  assert.ok(backlog.deltas > 0, 'what was not flushed is still counted');
  assert.equal(backup?.reachable, false);
  assert.equal(lastFlush?.ok, false);
  assert.ok((backup?.lastError ?? '') !== '' && lastFlush?.error !== null);
  await load.write();
}

async function assertNextFlushIsWhole(volume: VolumeProcess): Promise<void> {
  const flushed = await volume.run('flush', volume.name);
  assert.equal(flushed.code, 0, flushed.stderr);
  assert.match(flushed.stdout, /^\d+ deltas of \d+ files migrated/);
  const { backlog, backup, lastFlush } = await volume.status();
  assert.equal(backlog.deltas, 0);
  assert.equal(backup?.reachable, true);
  assert.equal(lastFlush?.ok, true);
}

let restores = 0;

/** Onto new disks, with a state of its own; the owner is away meanwhile. */
async function assertRestoreIsSame(volume: VolumeProcess, words: readonly string[]): Promise<void> {
  const tree = await treeBeside(volume.mountPoint);
  assert.match(await volume.findings(), /no findings/);
  await volume.umount();
  const name = `again${++restores}`;
  const disks = [1, 2, 3, 4].map((number) => volume.path(`${name}-d${number}`));
  for (const path of [...disks, volume.path(name)]) mkdirSync(path);
  await volume.succeed('restore', name, '--from', volume.backupUrl, ...words, '--disk', ...disks, '--allow-shared-device');
  // Reading only: the owner goes on afterwards.
  await volume.succeed('mount', name, volume.path(name), '--read-only');
  try {
    assertSameTree(tree, await treeBeside(volume.path(name)), ofCopies);
  } finally {
    await volume.succeed('umount', name);
  }
}

function assertClear({ code, stdout, stderr }: Outcome, what: RegExp, toWhat: string, advice: RegExp): void {
  assert.equal(code, 1, stdout + stderr);
  assert.equal(stdout, '');
  assert.match(stderr, what);
  assert.ok(stderr.includes(toWhat), `${toWhat} is not named in: ${stderr}`);
  assert.match(stderr, /^try: ./m, stderr);
  assert.match(stderr, advice);
  assert.doesNotMatch(stderr, /\n\s+at /, 'no stack');
}

describe('the bucket fails during a flush', { skip: mountObstacle ?? false }, () => {
  const real = s3FromEnvironment();
  const bucket = `drill-${randomBytes(5).toString('hex')}`;
  let server: FaultyS3Server;
  let volume: VolumeProcess;
  let load: Load;
  let words: readonly string[];

  before(async () => {
    server = await FaultyS3Server.start(real?.endpoint ?? new MemoryObjectStore());
    const { accessKeyId, secretAccessKey } = real?.credentials ?? { accessKeyId: 'test', secretAccessKey: 'testsecret' };
    const environment = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_EC2_METADATA_DISABLED: 'true' };
    words = ['--endpoint', server.endpoint, '--region', 'us-east-1'];
    volume = new VolumeProcess({ backup: { url: `s3://${bucket}/some/prefix`, words }, environment });
    load = new Load(volume);
    await makeBucket(server.endpoint, bucket, environment);
    await volume.init();
    await volume.mount();
    await load.write();
    await assertNextFlushIsWhole(volume);
  });
  after(async () => {
    await server.close();
    await volume.end();
  });

  /** From the so-many-th request of the flush on: none is spared by the retries. */
  const from = (count: number, fault: S3Fault) => (): ((request: S3Request) => S3Fault | null) => {
    let requests = 0;
    return () => (++requests >= count ? fault : null);
  };
  /** Everything that writes an object of this kind. */
  const puts = (part: string, fault: S3Fault) => (): ((request: S3Request) => S3Fault | null) => (request) => (request.method === 'PUT' && request.key.includes(part) ? fault : null);

  const failures: readonly (readonly [string, () => (request: S3Request) => S3Fault | null, RegExp, RegExp])[] = [
    ['refuses the credentials', from(1, 'credentials'), /InvalidAccessKeyId|credentials|refused/i, /credential|key|profile/i],
    ['refuses the credentials in the middle', from(3, 'credentials'), /InvalidAccessKeyId|credentials|refused/i, /credential|key|profile/i],
    ['runs out of space at the segments', puts('/segments/', 'full'), /full|space|storage/i, /space|quota|bucket/i],
    ['runs out of space at the root', puts('/roots/', 'full'), /full|space|storage/i, /space|quota|bucket/i],
  ];

  for (const [what, fault, says, advice] of failures) {
    test(what, async () => {
      await load.write();
      server.fault = fault();
      assertClear(await volume.run('flush', volume.name), says, bucket, advice);
      await assertUnharmed(volume, load);
      server.fault = () => null;
      await assertNextFlushIsWhole(volume);
    });
  }

  const dead: readonly (readonly [string, () => (request: S3Request) => S3Fault | null])[] = [
    ['answers 500 to everything', from(1, 'internal-error')],
    ['answers 503 from the third request on', from(3, 'busy')],
    ['dies in the middle: connections break', from(4, 'drop')],
  ];

  for (const [what, fault] of dead) {
    test(`${what}: other work goes on while it is retried, and nothing is lost`, async () => {
      await load.write();
      server.fault = fault();
      const flush = volume.run('flush', volume.name);
      await eventually(async () => (await volume.status()).flushing, 'the flush runs');
      await load.write();
      assert.equal((await volume.run('flush', volume.name)).code, 75, 'a second one is told to come again');
      const outcome = await Promise.race([flush, delay(45_000, null)]);
      if (outcome !== null) {
        assertClear(outcome, /./, bucket, /try: /);
        await assertUnharmed(volume, load);
      }
      server.fault = () => null;
      if (outcome === null) assert.equal((await flush).code, 0, 'the retries get through when it answers again');
      await assertNextFlushIsWhole(volume);
    });
  }

  test('is slow: the flush takes longer, and that is all', async () => {
    await load.write();
    server.fault = () => ({ slowMs: 300 });
    await assertNextFlushIsWhole(volume);
    server.fault = () => null;
  });

  for (const part of ['/segments/', '/packs/', '/roots/', '/intents/']) {
    test(`does a write and loses the reply: ${part}`, async () => {
      await load.write();
      let lost = 0;
      server.fault = (request) => (request.method === 'PUT' && request.key.includes(part) && lost++ === 0 ? 'lost-reply' : null);
      await assertNextFlushIsWhole(volume);
      server.fault = () => null;
      assert.ok(lost > 0, `nothing was written to ${part}`);
    });
  }

  test('after all of it a restore is the same tree', async () => {
    await load.write();
    await assertNextFlushIsWhole(volume);
    await assertRestoreIsSame(volume, words);
  });
});

async function makeBucket(endpoint: string, bucket: string, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string }): Promise<void> {
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
}

describe('the directory that is the backup fails during a flush', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const load = new Load(volume);
  const backup = volume.path('backup');

  before(async () => {
    // A filesystem of its own, that can be full and be made read-only.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', backup]);
    await volume.init(byHand);
    await volume.mount();
    await load.write();
    await assertNextFlushIsWhole(volume);
  });
  after(() => volume.end());

  const failures: readonly (readonly [string, () => void, () => void, RegExp, RegExp])[] = [
    ['is read-only', () => execFileSync('mount', ['-o', 'remount,ro', backup]), () => execFileSync('mount', ['-o', 'remount,rw', backup]), /read-only|EROFS/i, /try: /],
    ['is full', () => execFileSync('fallocate', ['-l', freeBytes(backup), `${backup}/filler`]), () => execFileSync('rm', [`${backup}/filler`]), /full|no space|ENOSPC/i, /space|try: /],
  ];

  for (const [what, breakIt, mendIt, says, advice] of failures) {
    test(what, async () => {
      await load.write();
      breakIt();
      assertClear(await volume.run('flush', volume.name), says, backup, advice);
      await assertUnharmed(volume, load);
      mendIt();
      await assertNextFlushIsWhole(volume);
    });
  }

  test('is moved away', async () => {
    await load.write();
    execFileSync('mount', ['--move', backup, movedTo()]);
    assertClear(await volume.run('flush', volume.name), /backup/, backup, /try: /);
    await assertUnharmed(volume, load);
    assert.equal(execFileSync('find', [backup, '-type', 'f'], { encoding: 'utf8' }), '', 'nothing is written into the empty mount point');
    execFileSync('mount', ['--move', movedTo(), backup]);
    await assertNextFlushIsWhole(volume);
  });

  test('after all of it a restore is the same tree', async () => {
    await assertRestoreIsSame(volume, []);
  });

  function movedTo(): string {
    const path = volume.path('moved');
    mkdirSync(path, { recursive: true });
    return path;
  }
});

function freeBytes(path: string): string {
  const [, line = ''] = execFileSync('df', ['--output=avail', '-B1', path], { encoding: 'utf8' }).split('\n');
  return line.trim();
}
