// Changes of the configuration file while mounted: thresholds take effect, the rest waits, mistakes change nothing.
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.js';
import { readSettingsFile } from '../../../src/config/settings-file.js';
import type { Thresholds } from '../../../src/config/settings.js';
import { ConfigWatch } from '../../../src/daemon/config-watch.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-watch-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'photos.toml');

function write(text: string): void {
  writeFileSync(path, `disks = ["/mnt/a", "/mnt/b"]\nparity = 0\ntolerance = 1\n${text}`);
}

function watched(): { watch: ConfigWatch; applied: Thresholds[] } {
  write('');
  const applied: Thresholds[] = [];
  const watch = new ConfigWatch(readSettingsFile(path), { read: () => readSettingsFile(path), apply: (thresholds) => applied.push(thresholds) }, silentLogger);
  return { watch, applied };
}

test('new thresholds are applied, once', () => {
  const { watch, applied } = watched();
  write('[flush]\nbytes = "5 MiB"\n');
  watch.reload();
  watch.reload();
  assert.equal(applied.length, 1);
  assert.equal(applied[0]?.flush.bytes, 5 * 1024 ** 2);
  assert.equal(watch.current.flush.bytes, 5 * 1024 ** 2);
  assert.deepEqual(watch.reminders, []);
});

test('another change is told as waiting for a mount, and goes away when it is taken back', () => {
  const { watch, applied } = watched();
  write('scheme = "copy"\n');
  watch.reload();
  assert.deepEqual(applied, []);
  assert.deepEqual(watch.reminders, ['changes of scheme in the configuration file take effect at the next mount']);
  assert.equal(watch.current.scheme, 'parity');
  write('');
  watch.reload();
  assert.deepEqual(watch.reminders, []);
});

test('a disk that a rebuild has replaced is no change that waits', () => {
  const { watch } = watched();
  watch.replaced('/mnt/b', '/mnt/c');
  write('');
  watch.reload();
  assert.deepEqual(watch.reminders, ['changes of disks in the configuration file take effect at the next mount']);
  writeFileSync(path, 'disks = ["/mnt/a", "/mnt/c"]\nparity = 0\ntolerance = 1\n');
  watch.reload();
  assert.deepEqual(watch.reminders, []);
});

test('a wrong file changes nothing, and says so until it is right', () => {
  const { watch, applied } = watched();
  write('[flush]\nbytes = "lots"\n');
  watch.reload();
  assert.deepEqual(applied, []);
  assert.match(watch.reminders[0] ?? '', /was not taken over: .*photos\.toml:5: flush\.bytes/);
  write('[flush]\nbytes = "1 MiB"\n');
  watch.reload();
  assert.equal(applied.length, 1);
  assert.deepEqual(watch.reminders, []);
});

test('a file that is written in place and one that is replaced are both noticed', { timeout: 20_000 }, async () => {
  write('');
  const waiting: ((thresholds: Thresholds) => void)[] = [];
  const watch = new ConfigWatch(readSettingsFile(path), { read: () => readSettingsFile(path), apply: (thresholds) => waiting.shift()?.(thresholds) }, silentLogger);
  const next = (): Promise<Thresholds> => new Promise((resolve) => waiting.push(resolve));
  await watch.start();
  try {
    const first = next();
    write('[flush]\nbytes = "1 MiB"\n');
    assert.equal((await first).flush.bytes, 1024 ** 2);
    const second = next();
    writeFileSync(`${path}.tmp`, 'disks = ["/mnt/a", "/mnt/b"]\nparity = 0\ntolerance = 1\n[flush]\nbytes = "2 MiB"\n');
    renameSync(`${path}.tmp`, path);
    assert.equal((await second).flush.bytes, 2 * 1024 ** 2);
  } finally {
    await watch.stop();
  }
});
