// A volume whose disks were mounted apart in two halves: refused with both histories named, each to be had by a choice, and made one again.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { byHand, mountObstacle, VolumeProcess } from '../support/volume-process.js';

describe('two histories on the disks of one volume', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  after(() => volume.end());

  /** Mounts with these disks away, writes a file, unmounts; gives the id of the term. */
  async function alone(away: readonly string[], name: string): Promise<void> {
    for (const disk of away) renameSync(disk, `${disk}.away`);
    await volume.mount();
    writeFileSync(volume.at(name), name);
    await volume.umount();
    for (const disk of away) renameSync(`${disk}.away`, disk);
  }

  test('are named, kept apart by a choice, and joined by emptying the disks of one', async () => {
    const [d1 = '', d2 = '', d3 = '', d4 = ''] = volume.disks;
    await volume.init(byHand, '--tolerance', '2');
    await volume.mount();
    writeFileSync(volume.at('common'), 'common');
    await volume.umount();
    // The bucket is away as well: it would tell them apart.
    renameSync(volume.path('backup'), volume.path('backup.away'));
    await alone([d3, d4], 'left');
    await alone([d1, d2], 'right');

    const refused = await volume.run('mount', volume.name, volume.mountPoint);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /two histories that went apart after record \d+: generation \d+ \([0-9a-f]{16}\), up to record \d+, last changed 20\d\d-.*Z, on /);
    for (const pair of [`${d1}, ${d2}`, `${d3}, ${d4}`]) assert.ok(refused.stderr.includes(pair), refused.stderr);
    const right = new RegExp(`\\(([0-9a-f]{16})\\)[^()]* on ${d3}, ${d4}`).exec(refused.stderr)?.[1] ?? '';
    const left = new RegExp(`\\(([0-9a-f]{16})\\)[^()]* on ${d1}, ${d2}`).exec(refused.stderr)?.[1] ?? '';
    assert.ok(left !== '' && right !== '' && left !== right, refused.stderr);

    for (const wrong of ['newest', '0123456789abcdef']) {
      const answer = await volume.run('mount', volume.name, volume.mountPoint, '--prefer-history', wrong);
      assert.ok(answer.code === 1 || answer.code === 2, answer.stderr);
      assert.match(answer.stderr, /histor/);
    }

    await volume.mount('--prefer-history', left);
    assert.deepEqual(readdirSync(volume.mountPoint).sort(), ['common', 'left']);
    await volume.umount();
    await volume.mount('--prefer-history', right);
    assert.deepEqual(readdirSync(volume.mountPoint).sort(), ['common', 'right']);
    const { disks, state } = await volume.status();
    assert.equal(state, 'degraded');
    for (const index of [0, 1]) assert.match(disks[index]?.reason ?? '', /another history of this volume.*set aside by --prefer-history and not touched/);

    const early = await volume.run('rebuild', volume.name, '--replace', `${d1}=${d1}`);
    assert.equal(early.code, 1, early.stdout);
    assert.match(early.stderr, /holds another history of this volume/);
    for (const disk of [d1, d2]) {
      rmSync(disk, { recursive: true });
      mkdirSync(disk);
    }
    await volume.succeed('rebuild', volume.name, '--replace', `${d1}=${d1}`, '--replace', `${d2}=${d2}`);
    await volume.umount();
    await volume.mount();
    assert.equal(readFileSync(volume.at('right'), 'utf8'), 'right');
    assert.equal(readFileSync(volume.at('common'), 'utf8'), 'common');
    assert.deepEqual((await volume.status()).disks.map((disk) => disk.state), ['healthy', 'healthy', 'healthy', 'healthy']);
    await volume.umount();
  });
});
