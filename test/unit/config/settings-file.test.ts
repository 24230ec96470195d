// The configuration file: what it becomes, and that every mistake in it names file, line, key and what is allowed.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HoldfastError } from '../../../src/base/errors.js';
import { findConfig } from '../../../src/config/lookup.js';
import { parseSettings, readSettingsFile } from '../../../src/config/settings-file.js';
import { settingsText, writeSettingsFile } from '../../../src/config/settings-text.js';
import { defaultSettings, type VolumeSettings } from '../../../src/config/settings.js';

const minimal = `disks = ["/mnt/a", "/mnt/b", "/mnt/c", "/mnt/d"]
parity = 1
tolerance = 2
`;

function failureOf(text: string): HoldfastError {
  try {
    parseSettings(text, '/etc/holdfast/photos.toml');
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    return error;
  }
  return assert.fail(`accepted: ${text}`);
}

test('a file with disks, parity and tolerance alone gives the defaults for everything else', () => {
  const settings = parseSettings(minimal, '/etc/holdfast/photos.toml');
  const base = defaultSettings('photos', '/var/lib/holdfast/photos');
  assert.deepEqual(settings, { ...base, configPath: '/etc/holdfast/photos.toml', disks: ['a', 'b', 'c', 'd'].map((disk) => ({ path: `/mnt/${disk}` })), parity: 1, tolerance: 2 });
});

test('sizes, durations and "never" are read as people write them', () => {
  const settings = parseSettings(`${minimal}commit_interval = "250 ms"\n[flush]\nbytes = "1.5 GiB"\nage = "never"\nfill = 0.25\nschedule = "0 3 * * *"\n`, 'x.toml');
  assert.equal(settings.commitIntervalMs, 250);
  assert.equal(settings.flush.bytes, 1.5 * 1024 ** 3);
  assert.equal(settings.flush.ageSeconds, null);
  assert.equal(settings.flush.fill, 0.25);
  assert.equal(settings.flush.schedule, '0 3 * * *');
});

test('an endpoint means path-style unless the file says otherwise', () => {
  const url = `${minimal}[backup]\nurl = "s3://bucket/prefix/"\n`;
  assert.deepEqual(parseSettings(url, 'x.toml').backup, { url: 's3://bucket/prefix', endpoint: null, region: null, pathStyle: false, profile: null });
  assert.equal(parseSettings(`${url}endpoint = "http://127.0.0.1:9400"\n`, 'x.toml').backup?.pathStyle, true);
  assert.equal(parseSettings(`${url}endpoint = "http://127.0.0.1:9400"\npath_style = false\n`, 'x.toml').backup?.pathStyle, false);
});

const mistakes: readonly (readonly [string, string, RegExp])[] = [
  ['a wrong size', `${minimal}[flush]\nage = "1 h"\nbytes = "10 Gib"\n`, /photos\.toml:6: flush\.bytes: "10 Gib" is not allowed; it must be a size such as/],
  ['an unknown key with a near one', `${minimal}[flush]\nbytez = "1 GiB"\n`, /photos\.toml:5: flush\.bytez: unknown key; did you mean flush\.bytes\?/],
  ['a key in the wrong table', `${minimal}keep_roots = 3\n`, /photos\.toml:4: keep_roots: unknown key; did you mean retention\.keep_roots\?/],
  ['an unknown table', `${minimal}[frobnicate]\nx = 1\n`, /photos\.toml:4: frobnicate: unknown key; keys here: name, disks/],
  ['a missing key', 'disks = ["/mnt/a"]\nparity = 0\n', /photos\.toml: tolerance: missing; it must be a whole number from parity/],
  ['a relative disk', 'parity = 0\ntolerance = 0\ndisks = [\n  "mnt/a",\n]\n', /photos\.toml:3: disks: "mnt\/a" is not allowed; it must be a list of 1 to 64 absolute paths/],
  ['a wrong scheme', `${minimal}scheme = "mirror"\n`, /photos\.toml:4: scheme: "mirror" is not allowed; it must be "parity" or "copy"/],
  ['a wrong schedule', `${minimal}[flush]\nschedule = "at dawn"\n`, /photos\.toml:5: flush\.schedule: "at dawn" is not allowed; it must be a cron expression/],
  ['a share above one', `${minimal}[flush]\nfill = 50\n`, /photos\.toml:5: flush\.fill: 50 is not allowed; it must be a share/],
  ['a backup of another kind', `${minimal}[backup]\nurl = "ftp://host/x"\n`, /photos\.toml:5: backup\.url: "ftp:\/\/host\/x" is not allowed; it must be "s3:/],
  ['a value instead of a table', `${minimal}flush = 3\n`, /photos\.toml:4: flush: 3 is not allowed; it must be a table with the keys bytes, age/],
  ['a tolerance that the disks cannot hold', minimal.replace('tolerance = 2', 'tolerance = 4'), /photos\.toml:3: tolerance: 4 is more than 4 disks can hold; with 4 disks parity may be 0 to 3/],
  ['a tolerance below parity', minimal.replace('tolerance = 2', 'tolerance = 0'), /photos\.toml:3: tolerance: 0 is below parity 1/],
  ['a disk twice', minimal.replace('/mnt/b', '/mnt/a/'), /photos\.toml:1: disks: \/mnt\/a is listed twice/],
  ['disks that overlap', minimal.replace('/mnt/b', '/mnt/a/b'), /photos\.toml:1: disks: \/mnt\/a\/b and \/mnt\/a overlap/],
  ['state on a disk', `${minimal}state_dir = "/mnt/a/state"\n`, /photos\.toml:4: state_dir: \/mnt\/a\/state and the disk \/mnt\/a overlap/],
  ['a log on a disk', `${minimal}[log]\nfile = "/mnt/b/x.log"\n`, /photos\.toml:5: log\.file: /],
  ['a backup on a disk', `${minimal}[backup]\nurl = "file:///mnt/c/backup"\n`, /photos\.toml:5: backup\.url: \/mnt\/c\/backup and the disk \/mnt\/c overlap/],
  ['a state folder whose socket path is too long', `${minimal}state_dir = "/${'x'.repeat(120)}"\n`, /control_socket: .* is longer than the 107 bytes/],
  ['soft not below hard', `${minimal}[budget]\nsoft = 0.9\nhard = 0.5\n`, /photos\.toml:5: budget\.soft: 0\.9 must be below budget\.hard/],
  ['no TOML', `${minimal}parity: 1\n`, /photos\.toml:4: not valid TOML/],
];

for (const [what, text, expected] of mistakes) {
  test(`${what} is an error that names the place and what is allowed`, () => {
    const error = failureOf(text);
    assert.equal(error.kind, 'invalid');
    assert.match(error.message, expected);
    assert.ok(error.hint !== undefined && error.hint !== '');
  });
}

test('all mistakes of a file are reported at once', () => {
  assert.equal(failureOf(`${minimal}scheme = "x"\n[flush]\nbytes = "y"\nage = true\n`).message.split('\n').length, 3);
});

test('what init writes reads back as the same settings', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
  try {
    const path = join(folder, 'photos.toml');
    const plain: VolumeSettings = { ...defaultSettings('photos', '/var/lib/holdfast/photos'), configPath: path, disks: [{ path: '/mnt/a' }, { path: '/mnt/with "quotes"' }], parity: 0, tolerance: 1 };
    assert.deepEqual(parseSettings(settingsText(plain), path), plain);
    const full: VolumeSettings = {
      ...plain,
      scheme: 'copy',
      journal: { disks: [{ path: '/ssd/1' }, { path: '/ssd/2' }] },
      allowSharedDevice: true,
      stateDir: '/srv/state',
      controlSocketPath: '/run/holdfast.sock',
      commitIntervalMs: 500,
      driver: 'fuse-native',
      backup: { url: 's3://bucket/prefix', endpoint: 'https://host:9000', region: 'eu-central-1', pathStyle: false, profile: 'nas' },
      flush: { bytes: null, ageSeconds: 90, count: 5, fill: null, schedule: '*/5 * * * *', atUnmount: true, lostDisk: false },
      budget: { bytes: 12345, softShare: 0.5, hardShare: 0.9, whenFull: 'parity-only' },
      retention: { keepRoots: 2 },
      scrub: { periodSeconds: null, bytesPerSecond: 5_000_000 },
      hooks: { command: 'tell "me" $HOLDFAST_TEXT', webhook: 'https://host:8443/hook?token=a%20b' },
      mount: { options: ['max_read=65536'], noatime: true, allowOther: true, readOnly: true, writeback: true },
      log: { level: 'debug', filePath: '/var/log/holdfast.log' },
    };
    writeSettingsFile(path, full);
    assert.deepEqual(readSettingsFile(path), full);
    const before = readFileSync(path, 'utf8');
    assert.throws(() => writeSettingsFile(path, plain), { code: 'config-exists' });
    assert.equal(readFileSync(path, 'utf8'), before);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an unknown volume lists the known ones, or the one that was probably meant', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
  try {
    assert.throws(() => findConfig('photos', folder), (error: HoldfastError) => error.code === 'volume-unknown' && /holdfast init/.test(error.hint ?? ''));
    writeFileSync(join(folder, 'photos.toml'), minimal);
    writeFileSync(join(folder, 'music.toml'), minimal);
    assert.equal(findConfig('photos', folder), join(folder, 'photos.toml'));
    assert.equal(findConfig(join(folder, 'music.toml'), '/nowhere'), join(folder, 'music.toml'));
    assert.throws(() => findConfig('phots', folder), (error: HoldfastError) => error.hint === 'did you mean photos?');
    assert.throws(() => findConfig('documents', folder), (error: HoldfastError) => error.hint === 'known volumes: music, photos');
    assert.throws(() => findConfig('../photos', folder), { code: 'volume-name' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
