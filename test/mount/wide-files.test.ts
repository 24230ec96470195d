// Files past 2^53 - 1 through the whole house: journal and replay, the list of deltas, flush, restore.
import assert from 'node:assert/strict';
import { closeSync, fsyncSync, mkdirSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { call } from '../posix/helpers.js';
import { exactMax, largest } from '../support/wide.js';
import { mountObstacle, VolumeProcess } from '../support/volume-process.js';

interface Row {
  readonly path: string;
  readonly kind: string;
  readonly offset: number | string;
  readonly length: number | string;
}

describe('files that are nearly all hole', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();

  before(async () => {
    await volume.init();
    await volume.mount();
    for (const [name, offset, text] of [
      ['largest', largest - 4n, 'last'],
      ['edge', exactMax - 2n, 'middle'],
    ] as const) {
      writeFileSync(volume.at(name), '');
      call('pwrite', volume.at(name), 0, offset, text);
    }
    call('truncate', volume.at('edge'), largest);
    call('fallocate', volume.at('largest'), 3, 10, largest - 14n);
  });
  after(() => volume.end());

  function text(path: string, offset: bigint, bytes: number): string {
    const fd = openSync(path, 'r');
    const into = Buffer.alloc(bytes);
    readSync(fd, into, 0, bytes, offset);
    closeSync(fd);
    return into.toString('latin1');
  }

  function assertWhole(mountPoint: string): void {
    const [first, second] = [join(mountPoint, 'largest'), join(mountPoint, 'edge')];
    assert.deepEqual([statSync(first, { bigint: true }).size, text(first, largest - 6n, 6)], [largest, '\0\0last']);
    assert.deepEqual([statSync(second, { bigint: true }).size, text(second, exactMax - 3n, 8), text(second, largest - 3n, 3)], [largest, '\0middle\0', '\0\0\0']);
  }

  test('their deltas are listed to the byte, as text and as JSON', async () => {
    const { stdout } = await volume.run('deltas', volume.name, '--json');
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row); // looked at below
    assert.deepEqual(
      rows.filter(({ kind }) => kind === 'data' || kind === 'hole').map(({ path, kind, offset, length }) => [path, kind, offset, length]),
      [
        ['/largest', 'data', String(largest - 4n), 4],
        ['/edge', 'data', Number(exactMax - 2n), 6],
        ['/largest', 'hole', 10, String(largest - 14n)],
      ],
    );
    assert.match(await volume.succeed('deltas', volume.name), new RegExp(`data +${largest - 4n} +4 `));
  });

  test('a killed daemon has them again after the next mount', async () => {
    const fd = openSync(volume.at('edge'), 'r');
    fsyncSync(fd);
    closeSync(fd);
    await volume.signal('SIGKILL');
    await volume.mount();
    assertWhole(volume.mountPoint);
    assert.match(await volume.findings(), /no findings/);
  });

  test('a flush takes them to the backup, and a restore brings them back', async () => {
    await volume.flush();
    await volume.umount();
    const disks = [1, 2, 3, 4].map((number) => volume.path(`new${number}`));
    const mountPoint = volume.path('mnt2');
    for (const path of [...disks, mountPoint]) mkdirSync(path);
    await volume.succeed('restore', 'again', '--from', volume.backupUrl, '--disk', ...disks, '--allow-shared-device');
    await volume.succeed('mount', 'again', mountPoint);
    try {
      assertWhole(mountPoint);
      assert.match((await volume.run('check', 'again')).stdout, /no findings/);
    } finally {
      await volume.succeed('umount', 'again');
    }
  });
});
