// holdfast disk through the command line, mounted and not.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { AnyStatus } from '../../src/cli/commands/status.js';
import type { DiskPlanReport, PlannedDisk } from '../../src/volume/disk-plan.js';
import { mountObstacle, VolumeProcess } from '../support/volume-process.js';

describe('holdfast disk', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const { name } = volume;

  before(() => volume.init());
  after(() => volume.end());

  const json = async <Answer>(...words: readonly string[]): Promise<Answer> => JSON.parse(await volume.succeed('disk', ...words, '--json')) as Answer; // our own command's answer

  for (const mounted of [false, true]) {
    describe(mounted ? 'mounted' : 'not mounted', () => {
      before(async () => {
        if (mounted) await volume.mount();
      });

      test('list names each disk with its role and state', async () => {
        const disks = await json<readonly PlannedDisk[]>('list', name);
        assert.deepEqual(
          disks.map(({ path, role, state }) => [path, role, state]),
          volume.disks.map((path) => [path, 'pool', 'healthy']),
        );
        assert.match(await volume.succeed('disk', 'list', name), /^DISK +ROLE +STATE +FREE +OF +ID +REASON\n.*\/d1 +pool +healthy /);
      });

      test('plan has the sums of status, and says what one more of the same size would bring', async () => {
        const plan = await json<DiskPlanReport>('plan', name);
        const { space } = JSON.parse((await volume.run('status', name, '--json')).stdout) as AnyStatus; // our own command's answer
        assert.equal(plan.totalBytes, space.totalBytes);
        assert.equal(plan.withOneMore.length, 1, 'all are of one size');
        assert.ok(plan.withOneMore.every(({ totalBytes, usableBytes, diskBytes }) => totalBytes > plan.totalBytes && usableBytes <= diskBytes));
        const text = await volume.succeed('disk', 'plan', name);
        assert.match(text, /NEVER USED/);
        assert.match(text, /files {2}.* in all with their redundancy, .* free/);
        assert.match(text, /ONE MORE OF +FILES +GAIN +FREE AT ONCE\n\S+ \S+ +\S+ \S+ +\+\S/);
      });

      test('plan --add tries sizes and places, each by itself', async () => {
        const plan = await json<DiskPlanReport>('plan', name, '--add', '1 GiB', '--add', volume.folder);
        const [small, same] = plan.withOneMore;
        assert.equal(small?.diskBytes, 1024 ** 3);
        assert.equal(same?.diskBytes, plan.disks[0]?.totalBytes, 'a place on the same filesystem');
        assert.ok((same?.totalBytes ?? 0) > (small?.totalBytes ?? 0));
      });
    });
  }

  for (const mounted of [true, false]) {
    test(`add, ${mounted ? 'mounted' : 'not mounted'}: the file names the new disk, and it is in service`, async () => {
      if (!mounted) await volume.umount();
      const before = (await json<readonly PlannedDisk[]>('list', name)).map(({ path }) => path);
      const path = volume.path(mounted ? 'd5' : 'd6');
      mkdirSync(path);
      assert.match(await volume.succeed('disk', 'add', name, path), /takes part: .*; files .* in all \(before: .*free/);
      assert.match(readFileSync(volume.path('etc', `${name}.toml`), 'utf8'), new RegExp(`^  "${path}",$`, 'm'));
      const disks = await json<readonly PlannedDisk[]>('list', name);
      assert.deepEqual(
        disks.map((disk) => [disk.path, disk.state]),
        [...before, path].map((one) => [one, 'healthy']),
      );
      const again = await volume.run('disk', 'add', name, path);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /overlap/);
    });
  }

  for (const mounted of [false, true]) {
    test(`remove, ${mounted ? 'mounted' : 'not mounted'}: the file names it no more, it is empty, and may be added again`, async () => {
      if (mounted) {
        await volume.mount();
        writeFileSync(volume.at('a file'), Buffer.alloc(3_000_000, 'some bytes'));
      }
      const path = volume.path(mounted ? 'd5' : 'd6');
      const before = (await json<readonly PlannedDisk[]>('list', name)).map((disk) => disk.path);
      const kept = await volume.run('disk', 'remove', name, path, '--cancel');
      assert.equal(kept.code, 1);
      assert.match(kept.stderr, /is not being removed/);
      assert.match(await volume.succeed('disk', 'remove', name, path), /is no part of the volume any more: \d+ shards moved, \d+ segments written anew/);
      assert.equal(readFileSync(volume.path('etc', `${name}.toml`), 'utf8').includes(path), false);
      assert.deepEqual(readdirSync(path), []);
      assert.deepEqual(
        (await json<readonly PlannedDisk[]>('list', name)).map((disk) => disk.path),
        before.filter((one) => one !== path),
      );
      await volume.succeed('disk', 'add', name, path);
      await volume.succeed('disk', 'remove', name, path);
      assert.equal((await volume.run('disk', 'remove', name, path)).code, 1);
      if (mounted) assert.ok(readFileSync(volume.at('a file')).equals(Buffer.alloc(3_000_000, 'some bytes')));
    });
  }

  test('replace: the new disk has what the old one had, also where it was added before', async () => {
    const [old = '', second = ''] = volume.disks;
    const [first, other] = [volume.path('d7'), volume.path('d8')];
    for (const path of [first, other]) mkdirSync(path);
    const unknown = await volume.run('disk', 'replace', name, '/no/disk', first);
    assert.match(unknown.stderr, /is not a disk of/);
    assert.match(await volume.succeed('disk', 'replace', name, old, first), /is no part of the volume any more: [1-9]\d* shards moved, 0 segments written anew/);
    await volume.succeed('disk', 'add', name, other);
    await volume.succeed('disk', 'replace', name, second, other);
    const paths = (await json<readonly PlannedDisk[]>('list', name)).map((disk) => disk.path);
    assert.deepEqual(paths, [...volume.disks.slice(2), first, other]);
    assert.ok(readFileSync(volume.at('a file')).equals(Buffer.alloc(3_000_000, 'some bytes')));
    assert.match(await volume.succeed('check', name), /no findings/);
  });

  test('a disk of another volume is not taken', async () => {
    const other = new VolumeProcess({ disks: 1 });
    try {
      await other.init({}, '--parity', '0', '--tolerance', '0');
      const { code, stderr } = await volume.run('disk', 'add', name, other.disks[0] ?? '');
      assert.equal(code, 1);
      assert.match(stderr, /is a disk of volume "drill" .* already/);
    } finally {
      await other.end();
    }
  });

  test('what is neither size nor place, and what an action does not take, is a matter of usage', async () => {
    for (const words of [
      ['plan', name, '--add', 'much'],
      ['plan', name, '--add', '/no/such/place'],
      ['list', name, '--add', '1 GiB'],
      ['list', name, '/a'],
      ['shuffle', name],
      ['add', name],
      ['remove', name],
      ['replace', name, '/a'],
      ['remove', name, '/a', '/b'],
    ]) {
      const { code, stderr } = await volume.run('disk', ...words);
      assert.equal(code, 2, `${words.join(' ')}: ${stderr}`);
    }
  });
});
