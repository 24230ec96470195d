import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isErrorOf } from '../../../src/base/errors.js';
import { DirectoryObjectStore } from '../../../src/objectstore/directory-object-store.js';
import { parseStoreUrl } from '../../../src/objectstore/open-object-store.js';

let base: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdfast-directory-'));
});
after(() => rm(base, { recursive: true }));
const x = [Buffer.from('x')];

test('a directory that is not there is an error and is not made; prepare makes it; one that comes later is used', async () => {
  const store = new DirectoryObjectStore(join(base, 'late/share'));
  for (const action of [() => store.get('a'), () => store.head('a'), () => store.put('a', x, { ifAbsent: true }), () => store.delete(['a'])]) {
    await assert.rejects(action(), (error) => isErrorOf(error, 'invalid') && error.code === 'store-no-bucket' && error.message.includes('late/share'));
  }
  assert.deepEqual(await readdir(base), []);
  await store.prepare();
  await store.put('a', x, { ifAbsent: true });
  assert.equal((await store.get('a')).toString(), 'x');
  await store.close();
});

test('when the path leads to another directory than before, nothing is written into it', async () => {
  const path = join(base, 'mount');
  await mkdir(path);
  const store = new DirectoryObjectStore(path);
  await store.put('a', x, { ifAbsent: true });
  await rename(path, join(base, 'gone'));
  await mkdir(path);
  await assert.rejects(store.put('b', x, { ifAbsent: true }), (error) => isErrorOf(error, 'unavailable') && error.message.includes('another directory'));
  await assert.rejects(store.get('a'), (error) => isErrorOf(error, 'unavailable'));
  assert.deepEqual(await readdir(path), []);
  await store.close();
});

test('what a put that died has left is removed after a day, never what may be under way', async () => {
  const path = join(base, 'left');
  await mkdir(join(path, '.holdfast-tmp'), { recursive: true });
  const long = new Date(Date.now() - 48 * 3_600_000);
  await writeFile(join(path, '.holdfast-tmp/old'), 'torn');
  await utimes(join(path, '.holdfast-tmp/old'), long, long);
  await writeFile(join(path, '.holdfast-tmp/new'), 'torn');
  const store = new DirectoryObjectStore(path);
  await store.put('a', x, { ifAbsent: true });
  assert.deepEqual(await readdir(join(path, '.holdfast-tmp')), ['new']);
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  assert.deepEqual(keys, ['a']);
  await store.close();
});

test('an empty file is the claim of a put that never finished: it is missing, and its name can be taken by a replacement only', async () => {
  const path = join(base, 'claim');
  await mkdir(path);
  await writeFile(join(path, 'a'), '');
  const store = new DirectoryObjectStore(path);
  await assert.rejects(store.get('a'), (error) => isErrorOf(error, 'missing'));
  assert.equal(await store.head('a'), null);
  await assert.rejects(store.put('a', x, { ifAbsent: true }), (error) => isErrorOf(error, 'conflict'));
  await store.put('a', x, { ifAbsent: false });
  assert.equal((await store.get('a')).toString(), 'x');
  await store.close();
});

test('URLs of stores', () => {
  assert.deepEqual(parseStoreUrl('s3://photos/a/b/'), { type: 's3', bucket: 'photos', prefix: 'a/b' });
  assert.deepEqual(parseStoreUrl('s3://photos'), { type: 's3', bucket: 'photos', prefix: '' });
  assert.deepEqual(parseStoreUrl('file:///mnt/my nas/'), { type: 'directory', path: '/mnt/my nas' });
  for (const url of ['', 'http://x', 's3://', 's3://B', 'file://relative', 's3://photos/../x'])
    assert.throws(
      () => parseStoreUrl(url),
      (error) => isErrorOf(error, 'invalid'),
      url,
    );
});
