// Hooks of a mounted volume: a disk that goes away under it is told to a real command and a real receiver; a hook that hangs holds up nobody.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { labelPath } from '../../src/disk/label.js';
import type { HookDocument } from '../../src/daemon/hook-document.js';
import { byHand, eventually, mountObstacle, type Tables, VolumeProcess } from '../support/volume-process.js';

describe('hooks', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const { name } = volume;
  const told = volume.path('told');
  const got: HookDocument[] = [];
  let refusals = 2;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      if (refusals-- > 0) return void response.writeHead(503).end();
      got.push(JSON.parse(body) as HookDocument); // asserted below
      response.end();
    });
  });

  function tables(command: string): Tables {
    return { ...byHand, hooks: { command: JSON.stringify(command), webhook: `"http://127.0.0.1:${(server.address() as AddressInfo).port}/"` } };
  }

  const lines = (): readonly string[] => (existsSync(told) ? readFileSync(told, 'utf8').trim().split('\n') : []);

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await volume.init({});
    await volume.mount();
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await volume.end();
  });

  test('configured while mounted, they hear of a disk that is gone and of the protection; status and metrics say so', async () => {
    // It answers before it watches its file.
    await eventually(async () => /"msg":"mounted"/.test(volume.log), 'it has begun', 20);
    volume.configure(tables(`echo "$HOLDFAST_EVENT $HOLDFAST_DISK $HOLDFAST_TO $HOLDFAST_HELD" >>'${told}'`));
    await eventually(async () => /new thresholds took effect/.test(volume.log), 'the file is taken over');
    const [, second = ''] = volume.disks;
    const label = join(second, labelPath);
    const whole = readFileSync(label);
    writeFileSync(label, 'no label');
    await eventually(async () => lines().length === 2 && got.length === 2, 'both are told of both');
    assert.deepEqual(lines(), [`disk ${second} failed `, 'protection   no']);
    assert.deepEqual(got.map(({ event, volume: of, mountPoint, disk, protection }) => [event, of, mountPoint, disk?.to, protection?.held]), [
      ['disk', name, volume.mountPoint, 'failed', undefined],
      ['protection', name, volume.mountPoint, undefined, false],
    ]);
    const { disks, hooks } = await volume.status();
    assert.deepEqual([disks[1]?.state, disks[1]?.changes], ['failed', 1]);
    assert.ok(Math.abs((disks[1]?.since ?? 0) - Date.now() / 1000) < 60);
    assert.deepEqual(hooks.map(({ kind, told: count, failed }) => [kind, count, failed]), [['command', 2, 0], ['webhook', 2, 0]]);
    const { text } = (await volume.ask('metrics')) as { text: string };
    assert.ok(text.includes(`holdfast_disk_state{disk="${second}",state="failed",volume="${volume.mountPoint}"} 1\n`), text);
    assert.match(text, /holdfast_hook_told\{hook="webhook",volume=".*"\} 2\n/);
    assert.match((await volume.run('status', name)).stdout, /failed +[\d.]+ s ago/);
    writeFileSync(label, whole);
  });

  test('a hook that hangs: files are read and written, the unmount is not held up for long, and what was not told is in the log', async () => {
    await volume.umount();
    volume.configure(tables(`trap '' TERM; sleep 1000; echo >>'${told}'`));
    await volume.mount();
    await eventually(async () => (await volume.status()).hooks[0]?.waiting === 1, 'the disk that is back is being told');
    const began = performance.now();
    writeFileSync(volume.at('a'), 'written beside it');
    assert.equal(readFileSync(volume.at('a'), 'utf8'), 'written beside it');
    assert.ok(performance.now() - began < 5_000);
    await volume.umount();
    assert.ok(performance.now() - began < 25_000, 'long before the command would have ended');
    assert.match(volume.log, /a hook was not told/);
    assert.equal(lines().length, 2);
    assert.equal(got.at(-1)?.disk?.to, 'healthy');
  });
});
