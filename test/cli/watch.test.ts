// holdfast status --watch: a block a second where it is no terminal, until Ctrl-C, with the exit code of what was shown last.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { labelPath } from '../../src/disk/label.js';
import { eventually, mountObstacle, program, VolumeProcess } from '../support/volume-process.js';

describe('status --watch', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const { name } = volume;

  before(async () => {
    await volume.init();
    await volume.mount();
  });
  after(() => volume.end());

  /** Interrupted when `enough` says so; gives what was printed and the exit code. */
  async function watched(words: readonly string[], enough: (text: string) => boolean): Promise<{ readonly text: string; readonly code: unknown }> {
    const child = spawn(process.execPath, [program, 'status', name, '--watch', ...words], { env: volume.environment, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    const ended = once(child, 'exit');
    await eventually(async () => enough(text), 'enough is shown', 20);
    child.kill('SIGINT');
    const [code] = (await ended) as [unknown];
    return { text, code };
  }

  test('blocks of the whole status, an object a line with --json, exit code 0 while all is well', async () => {
    const { text, code } = await watched([], (shown) => shown.split('protection  as configured').length > 2);
    assert.equal(code, 0, text);
    assert.match(text, /\nDISK +STATE +SINCE +FREE +OF +READ +WRITE +ERRORS +REASON\n/);
    assert.ok(!text.includes('\x1b'), 'no control characters where it is no terminal');
    const objects = await watched(['--json'], (shown) => shown.split('\n').length > 2);
    for (const line of objects.text.trimEnd().split('\n')) assert.equal((JSON.parse(line) as Record<string, unknown>)['state'], 'serving'); // our own output
  });

  test('exit code 3 when the last one showed less than configured; without a NAME it is a usage error', async () => {
    assert.equal((await volume.run('status', '--watch')).code, 2);
    const label = join(volume.disks[0] ?? '', labelPath);
    const whole = readFileSync(label);
    writeFileSync(label, 'no label');
    const { text, code } = await watched([], (shown) => shown.includes('LESS THAN CONFIGURED'));
    assert.equal(code, 3, text);
    writeFileSync(label, whole);
  });

  test('it ends when the volume is unmounted', async () => {
    const child = spawn(process.execPath, [program, 'status', name, '--watch'], { env: volume.environment, stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    const ended = once(child, 'exit');
    await eventually(async () => text.includes('protection'), 'it has shown something', 20);
    await volume.umount();
    assert.deepEqual(await ended, [1, null]);
  });
});
