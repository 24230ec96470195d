// Writeback caching (mount.writeback): what the kernel may hold back, and what brings it to the volume: close and fsync.
import assert from 'node:assert/strict';
import { closeSync, fsyncSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ControlClient } from '../../src/daemon/control-client.js';
import type { DeltaLine } from '../../src/daemon/control-methods.js';
import { fails } from '../posix/helpers.js';
import { byHand, mountObstacle, VolumeProcess } from '../support/volume-process.js';

describe('writeback caching', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();

  before(async () => {
    await volume.init({ ...byHand, mount: { writeback: 'true' } });
    await volume.mount();
  });
  after(() => volume.end());

  /** Bytes of the file that the volume knows of and the backup does not. */
  async function arrived(name: string): Promise<number> {
    // No command: the child that is forked for one closes what we have open, and each close writes back.
    const client = await ControlClient.connect(volume.socket);
    assert.ok(client !== null);
    const deltas: DeltaLine[] = [];
    await client.call('deltas', { path: `/${name}` }, { items: (items) => deltas.push(...(items as readonly DeltaLine[])) }); // our own daemon's rows
    client.close();
    return deltas.filter(({ segment }) => segment !== null).reduce((sum, { length }) => sum + Number(length), 0);
  }

  test('what is written is seen by everybody at once, and reaches the volume with fsync', async () => {
    const fd = openSync(volume.at('open'), 'w');
    for (let line = 0; line < 1_000; line++) writeSync(fd, 'a line\n');
    // Its close would write everything back, whoever wrote it.
    const other = openSync(volume.at('open'), 'r');
    const seen = Buffer.alloc(10_000);
    assert.equal(readSync(other, seen), 7_000);
    assert.equal(seen.toString('utf8', 0, 7_000), 'a line\n'.repeat(1_000));
    assert.equal(await arrived('open'), 0);
    fsyncSync(fd);
    assert.equal(await arrived('open'), 7_000);
    closeSync(other);
    closeSync(fd);
  });

  test('close brings what is written to the volume, with the time it was written', async () => {
    writeFileSync(volume.at('closed'), 'text');
    assert.equal(await arrived('closed'), 4);
    const { mtimeMs } = statSync(volume.at('closed'));
    await volume.umount();
    await volume.mount();
    assert.equal(statSync(volume.at('closed')).mtimeMs, mtimeMs);
  });

  test('what fsync has promised is there after the daemon was killed', async () => {
    const fd = openSync(volume.at('promised'), 'w');
    writeSync(fd, 'kept');
    fsyncSync(fd);
    await volume.signal('SIGKILL');
    fails('ENOTCONN', () => closeSync(fd));
    await volume.mount();
    assert.equal(readFileSync(volume.at('promised'), 'utf8'), 'kept');
  });

  test('the second driver cannot do it, and says so', async () => {
    await volume.umount();
    volume.choose('fuse-native');
    volume.configure({ ...byHand, mount: { writeback: 'true' } });
    const { code, stderr } = await volume.run('mount', volume.name, volume.mountPoint);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /mount\.writeback does not go with driver = "fuse-native"/);
  });
});
