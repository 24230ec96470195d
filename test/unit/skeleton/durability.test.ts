import assert from 'node:assert/strict';
import { closeSync, copyFileSync, existsSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { after, test } from 'node:test';
import { Sqlite } from '../../../src/skeleton/sqlite.js';
import { isErrorOf } from '../../../src/base/errors.js';
import { asIno, asVolumeId, NO_LSN, ROOT_INO } from '../../../src/base/ids.js';
import { createImageSource } from '../../../src/skeleton/image-source.js';
import { formatVersion } from '../../../src/skeleton/schema.js';
import { openSkeleton, skeletonIsSound } from '../../../src/skeleton/skeleton.js';
import { isSound } from '../../../src/skeleton/soundness.js';
import { b, findings, freshSkeleton, generation, Hand, pointAt, reopen, scratch, volume } from './fixture.js';

const folder = scratch();
after(() => folder.remove());
const pathOf = (name: string): string => `${folder.dir}/${name}.db`;

test('a fresh skeleton has a root directory, no point, and passes its check', async () => {
  const skeleton = freshSkeleton(pathOf('fresh'));
  assert.equal(skeleton.commitPoint(), null);
  assert.equal(skeleton.appliedLsn, NO_LSN);
  assert.deepEqual([skeleton.inode(ROOT_INO)?.mode, skeleton.inode(ROOT_INO)?.nlink], [0o040755, 2]);
  assert.deepEqual([skeleton.nextIno(), skeleton.nextIno(), skeleton.nextSegment(), skeleton.nextSegment()], [2, 3, 1, 2]);
  assert.deepEqual(await findings(skeleton), []);
  skeleton.close();
});

test('after a kill the file holds the last commit and nothing of what came later', async () => {
  const skeleton = freshSkeleton(pathOf('live'));
  const hand = new Hand(skeleton);
  hand.open(1);
  const kept = hand.create('kept');
  hand.write(kept, 0, 100, 1, 0);
  await hand.commit();
  const point = pointAt(skeleton);
  const before = [skeleton.backlog(), skeleton.use()];
  hand.create('lost');
  hand.write(kept, 100, 100, 1, 100);
  // What a killed process leaves: the files as they are, the transaction open.
  copyFileSync(pathOf('live'), pathOf('killed'));
  copyFileSync(`${pathOf('live')}-wal`, `${pathOf('killed')}-wal`);
  skeleton.close();
  for (const name of ['killed', 'live']) {
    const again = reopen(pathOf(name));
    assert.deepEqual(again.commitPoint(), point);
    assert.equal(again.appliedLsn, point.appliedLsn);
    assert.deepEqual([again.backlog(), again.use()], before);
    assert.equal(again.lookup(ROOT_INO, b('lost')), null);
    assert.equal(again.inode(kept)?.size, 100);
    assert.deepEqual([again.nextIno(), again.nextSegment()], [3, 2]);
    assert.deepEqual(await findings(again), []);
    again.close();
  }
});

test('between COMMIT and BEGIN reads go on and records are refused', async () => {
  const skeleton = freshSkeleton(pathOf('between'));
  const hand = new Hand(skeleton);
  const ino = hand.create('file');
  await hand.commit(async () => {
    assert.equal(skeleton.lookup(ROOT_INO, b('file'))?.ino, ino);
    assert.throws(() => hand.create('other'), /between COMMIT and BEGIN/);
  });
  hand.create('other');
  // A failing capture leaves a usable skeleton: the commit itself holds.
  await assert.rejects(hand.commit(() => Promise.reject(new Error('capture failed'))), /capture failed/);
  hand.create('third');
  await assert.rejects(skeleton.commit({ appliedLsn: NO_LSN, generation, link: 0, bootId: '' }), /where the skeleton stands/);
  skeleton.close();
});

test('what cannot be used is refused with a clear kind of error', () => {
  assert.throws(() => reopen(pathOf('nowhere')), (error) => isErrorOf(error, 'missing'));
  freshSkeleton(pathOf('good')).close();
  assert.throws(() => freshSkeleton(pathOf('good')), (error) => isErrorOf(error, 'conflict'));
  assert.throws(() => openSkeleton(pathOf('good'), { volume: asVolumeId('0'.repeat(36)), recordDeltas: true }), (error) => isErrorOf(error, 'invalid') && error.code === 'skeleton-foreign');

  writeFileSync(pathOf('garbage'), Buffer.alloc(50_000, 0x5a));
  assert.throws(() => reopen(pathOf('garbage')), (error) => isErrorOf(error, 'corrupt'));
  assert.equal(skeletonIsSound(pathOf('garbage')), false);
  assert.equal(existsSync(`${pathOf('garbage')}-wal`), false);
  writeFileSync(pathOf('empty'), '');
  assert.throws(() => reopen(pathOf('empty')), (error) => isErrorOf(error, 'corrupt'));

  copyFileSync(pathOf('good'), pathOf('short'));
  truncateSync(pathOf('short'), 20_000);
  assert.equal(skeletonIsSound(pathOf('short')), false);
  assert.equal(skeletonIsSound(pathOf('good')), true);

  new Sqlite(pathOf('other')).exec('CREATE TABLE t (x)').close();
  assert.throws(() => reopen(pathOf('other')), (error) => isErrorOf(error, 'corrupt'));

  const newer = new Sqlite(pathOf('good'));
  newer.prepare("UPDATE meta SET value = ? WHERE key = 'format'").run(String(formatVersion + 1));
  newer.close();
  assert.throws(() => reopen(pathOf('good')), (error) => isErrorOf(error, 'invalid') && error.code === 'skeleton-newer');
});

test('a large file is read on a thread, with the same answer', async () => {
  const path = pathOf('large');
  const skeleton = freshSkeleton(path);
  const hand = new Hand(skeleton);
  const ino = hand.create('file');
  for (let i = 0; i < 500; i++) hand.do({ type: 'xattr', ino, name: b(`user.${i}`), value: Buffer.alloc(60_000, i), time: hand.time() });
  await hand.commit();
  skeleton.close();
  assert.ok(statSync(path).size > 24 * 1024 * 1024);
  assert.equal(await isSound(path, false), true);
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096, 7), 0, 4096, 4096 * 3_000);
  writeSync(file, Buffer.alloc(4096, 7), 0, 4096, 4096 * 3);
  closeSync(file);
  assert.equal(await isSound(path, false), false);
  assert.equal(await isSound(path, true), false);
  assert.equal(await isSound(pathOf('nowhere at all'), false), false);
});

test('the log stays bounded, with an image source and without one', async () => {
  for (const inline of [true, false, null]) {
    const walBytesMax = 400_000;
    const path = pathOf(`wal-${inline}`);
    const skeleton = freshSkeleton(path, { walBytesMax });
    const source = inline === null ? null : createImageSource(skeleton, { inline });
    const hand = new Hand(skeleton);
    let most = 0;
    for (let i = 0; i < 40; i++) {
      for (let j = 0; j < 100; j++) hand.create(`file-${i}-${j}`);
      await hand.commit();
      most = Math.max(most, statSync(`${path}-wal`).size);
    }
    assert.ok(most < walBytesMax * 4, `the log grew to ${most} bytes`);
    assert.deepEqual(await findings(skeleton), []);
    await source?.close();
    skeleton.close();
  }
});

test('a check gives way when the log is needed', async () => {
  const skeleton = freshSkeleton(pathOf('giving-way'));
  const source = createImageSource(skeleton, { inline: true });
  const hand = new Hand(skeleton);
  for (let i = 0; i < 3000; i++) hand.create(`file-${i}`);
  await hand.commit();
  new Hand(skeleton).do({ type: 'attribute', ino: asIno(1), ctime: { sec: 1, nsec: 1 } });
  const check = findings(skeleton);
  await hand.commit(() => source.capture());
  source.release();
  await assert.rejects(check, (error) => isErrorOf(error, 'conflict') && error.code === 'check-interrupted');
  assert.deepEqual(await findings(skeleton), []);
  await source.close();
  skeleton.close();
});

/** Damages a committed skeleton from outside; the check must name the rule. */
const damages: readonly (readonly [sql: string, rule: string])[] = [
  ['UPDATE inode SET nlink = 2 WHERE ino = 3', 'link-count'],
  ['UPDATE inode SET allocated = 1 WHERE ino = 3', 'allocated'],
  ['UPDATE inode SET size = 5 WHERE ino = 3', 'extent-size'],
  ['UPDATE inode SET parent = 99 WHERE ino = 2', 'inode-name'],
  ['UPDATE inode SET content = 0 WHERE ino = 3', 'inode-content'],
  ['DELETE FROM inode WHERE ino = 3', 'entry-inode'],
  ["UPDATE dirent SET name = x'41' WHERE ino = 3", 'entry-cookie'],
  ['UPDATE dirent SET type = 16384 WHERE ino = 3', 'entry-type'],
  ['DELETE FROM dirent WHERE ino = 3', 'inode-name'],
  ['INSERT INTO orphan VALUES (3)', 'orphan'],
  ["INSERT INTO xattr VALUES (99, x'41', x'42')", 'xattr'],
  ['UPDATE extent SET length = length + 1 WHERE offset = 0', 'extent-overlap'],
  ['UPDATE extent SET segment = 7 WHERE offset = 0', 'extent-segment'],
  ['UPDATE segment SET live = live - 1', 'live-bytes'],
  ['DELETE FROM shard WHERE idx = 1', 'shards'],
  ['UPDATE shard SET disk = 1', 'shards'],
  ['UPDATE segment SET share = 3 WHERE segment = 1', 'live-share'],
  ['UPDATE point SET deltas = deltas + 1', 'counter'],
  ['UPDATE point SET live_bytes = 0', 'counter'],
  ['DELETE FROM delta WHERE kind = 0', 'counter'],
  ["UPDATE delta SET value = x'ff' WHERE kind = 5", 'delta'],
  ['INSERT INTO trim VALUES (3, 1)', 'trim'],
  ['UPDATE inode SET parent = 5, cookie = (SELECT cookie FROM dirent WHERE ino = 2) WHERE ino = 2; UPDATE dirent SET parent = 5 WHERE ino = 2', 'reachability'],
];

test('the check names every kind of damage', async () => {
  const path = pathOf('sound');
  const skeleton = freshSkeleton(path);
  const hand = new Hand(skeleton);
  hand.disks();
  const directory = hand.mkdir('directory');
  const file = hand.create('file');
  hand.create('inside', directory);
  hand.mkdir('sub', directory);
  hand.open(1);
  hand.write(file, 0, 100, 1, 0);
  hand.write(file, 100, 100, 1, 300);
  hand.seal(1, 400);
  await hand.commit();
  assert.deepEqual(await findings(skeleton), []);
  skeleton.close();
  for (const [index, [sql, rule]] of damages.entries()) {
    const damaged = pathOf(`damaged-${index}`);
    copyFileSync(path, damaged);
    new Sqlite(damaged).exec(sql).close();
    const again = openSkeleton(damaged, { volume, recordDeltas: true });
    const rules = (await findings(again)).map((one) => one.rule);
    assert.ok(rules.includes(rule), `${sql}: ${rule} is among [${rules.join(', ')}]`);
    again.close();
  }
});
