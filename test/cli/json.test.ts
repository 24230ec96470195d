// --json of every command: one document (or one object a line) on stdout that a script can read, nothing else there; progress and
// warnings go to stderr. And the same words said in another way mean the same: --disk A B C D as --disk A --disk B ...
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { repositoryRoot } from '../repository.js';
import { mountObstacle, VolumeProcess } from '../support/volume-process.js';

type Value = Readonly<Record<string, unknown>>;

/** `disks.latency.read` for every key within, lists and what is in them under one name; a report of a scrub is described elsewhere. */
function* keysOf(value: unknown, path = ''): Iterable<string> {
  if (Array.isArray(value)) for (const item of value) yield* keysOf(item, path);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  for (const [name, inner] of Object.entries(value)) {
    const key = path === '' ? name : `${path}.${name}`;
    yield key;
    if (!key.startsWith('scrub.')) yield* keysOf(inner, key);
  }
}

/** Tables (`backlog`) count by what is in them. */
function documentedKeys(): ReadonlySet<string> {
  const page = readFileSync(join(repositoryRoot, 'docs/operations/status.md'), 'utf8').split('## --json')[1] ?? '';
  const keys = [...page.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) => cell.split(', ').map((word) => word.replaceAll('`', '')));
  return new Set(keys.flatMap((key) => [key, key.split('.')[0] ?? '']));
}

describe('--json', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const { name } = volume;

  after(() => volume.end());

  /** Everything on stdout is one JSON value. */
  async function json(...words: readonly string[]): Promise<Value> {
    const { code, stdout, stderr } = await volume.run(...words, '--json');
    assert.equal(code, 0, stdout + stderr);
    return JSON.parse(stdout) as Value; // looked at by the caller
  }

  function has(value: Value, ...keys: readonly string[]): void {
    for (const key of keys) assert.ok(key in value, `${key} in ${Object.keys(value).join(' ')}`);
  }

  before(async () => {
    const report = await json('init', name, '--disk', ...volume.disks, '--backup', volume.backupUrl, '--allow-shared-device');
    has(report, 'volume', 'disks', 'backup', 'warnings', 'parity', 'tolerance');
  });

  test('mount, status, deltas, flush, check, umount, rebuild, restore', async () => {
    const mounted = await json('mount', name, volume.mountPoint);
    assert.equal(mounted['mountpoint'], volume.mountPoint);
    assert.equal(typeof mounted['pid'], 'number');
    writeFileSync(volume.at('a file'), Buffer.alloc(10_000, 1));

    const status = await json('status', name);
    has(status, 'pid', 'state', 'mountpoint', 'disks', 'backlog', 'lastRoot', 'redundancy', 'backup', 'space', 'journal', 'scrub', 'due', 'reminders');
    assert.deepEqual([...keysOf(status)].filter((key) => !documentedKeys().has(key)), [], 'docs/operations/status.md says what every key is');
    assert.equal(status['pid'], mounted['pid']);
    assert.equal((status['backlog'] as Value)['bytes'], 10_000);
    const all = (await json('status')) as unknown as readonly Value[];
    assert.deepEqual(
      all.map((row) => [row['name'], row['state'], row['mountpoint']]),
      [[name, 'serving', volume.mountPoint]],
    );

    const { stdout } = await volume.run('deltas', name, '--json');
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Value);
    assert.equal(rows.length, (status['backlog'] as Value)['deltas']);
    for (const row of rows) has(row, 'lsn', 'path', 'ino', 'kind', 'offset', 'length', 'segment', 'time');
    assert.deepEqual(
      rows.filter((row) => row['kind'] === 'data').map((row) => [row['path'], row['offset'], row['length']]),
      [['/a file', 0, 10_000]],
    );

    assert.deepEqual(await json('flush', name, '--if-due'), { flushed: false, reasons: [] });
    const flushed = await json('flush', name);
    assert.equal(flushed['flushed'], true);
    has(flushed['report'] as Value, 'root', 'deltas', 'files', 'bytes', 'segmentsUploaded', 'imageBytes', 'lacks', 'elapsedMs');
    assert.equal((flushed['report'] as Value)['deltas'], rows.length);
    assert.equal((await volume.run('deltas', name, '--json')).stdout, '');

    has(await json('scrub', name), 'segments', 'shards', 'bytes', 'shardsAbsent', 'journalFiles', 'images', 'found', 'healed', 'healedFrom', 'findings', 'lost', 'lostRanges', 'startedAt', 'endedAt');
    assert.deepEqual(await json('check', name), { name, findings: [] });
    assert.equal((await json('umount', name))['unmounted'], true);
    assert.equal((await json('status', name))['state'], 'unmounted');
    assert.deepEqual(await json('check', name), { name, findings: [] });
    has(await json('rebuild', name, '--dry-run'), 'dryRun', 'fromParity', 'fromBackup', 'fromJournal', 'alreadyWhole', 'lost');
    has(await json('rebuild', name), 'shardsWritten', 'bytesWritten', 'bytesVerified');
    const disks = [1, 2, 3, 4].map((number) => volume.path(`new${number}`));
    for (const disk of disks) mkdirSync(disk);
    has(await json('restore', 'again', '--from', volume.backupUrl, '--disk', ...disks, '--allow-shared-device'), 'settings', 'root', 'rootTime', 'files', 'segments', 'bytes', 'lost', 'notes');
  });

  test('an error is one document as well, with the same exit code and words as without', async () => {
    for (const words of [
      ['mount', name, volume.path('none')],
      ['status', 'unknown'],
      ['umount', name],
      ['deltas', name, 'nothing'],
      ['restore', 'x', '--from', `file://${volume.path('none')}`, '--disk', ...volume.disks],
    ]) {
      const plain = await volume.run(...words);
      const { code, stdout } = await volume.run(...words, '--json');
      assert.equal(code, 1);
      assert.equal(plain.code, 1);
      const { error } = JSON.parse(stdout) as { readonly error: Value }; // asserted next
      has(error, 'kind', 'code', 'message', 'hint', 'context');
      assert.ok(plain.stderr.includes(String(error['message']).split('\n')[0] ?? ''), `${String(error['message'])} in ${plain.stderr}`);
    }
    assert.equal((await volume.run('status', '--frob', '--json')).code, 2);
  });

  test('--disk A B C D and --disk A --disk B --disk C --disk D make the same volume', async () => {
    const texts: string[] = [];
    for (const [run, words] of [
      ['way-1', (disks: readonly string[]) => ['--disk', ...disks]],
      ['way-2', (disks: readonly string[]) => disks.flatMap((disk) => ['--disk', disk])],
      ['way-3', ([first = '', ...rest]: readonly string[]) => ['--disk', first, '--disk', ...rest]],
      ['way-4', (disks: readonly string[]) => disks.map((disk) => `--disk=${disk}`)],
    ] as const) {
      const disks = [1, 2, 3, 4].map((number) => volume.path(`${run}-${number}`));
      for (const folder of [...disks, volume.path(`${run}-b`)]) mkdirSync(folder);
      await json('init', run, ...words(disks), '--backup', `file://${volume.path(`${run}-b`)}`, '--allow-shared-device');
      texts.push(readFileSync(volume.path('etc', `${run}.toml`), 'utf8').replaceAll(run, 'NAME'));
    }
    assert.equal(new Set(texts).size, 1, texts.join('\n-----\n'));
    assert.match(texts[0] ?? '', /NAME-1",\n.*NAME-2",\n.*NAME-3",\n.*NAME-4",\n/);
  });
});
