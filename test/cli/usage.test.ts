// What the command line itself refuses, how it says so, and the exit codes. Nothing is mounted here.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Machine, program } from './machine.js';

const machine = new Machine();
after(() => machine.end());
const disks = machine.disks(1, 2, 3, 4);
const backup = ['--backup', 'none', '--allow-shared-device'];

/** No refusal may leave anything on the disks, in the configuration folder or in the state folder. */
function assertUntouched(): void {
  for (const folder of ['d1', 'd2', 'd3', 'd4', 'etc', 'var', 'backup']) assert.deepEqual(readdirSync(machine.path(folder)), [], `${folder} was written to`);
}

const refusals: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['no command', [], 2, /which command\?/],
  ['an unknown command', ['statsu'], 2, /there is no command statsu; did you mean status\?/],
  ['an unknown option', ['status', '--frob'], 2, /Unknown argument: frob/],
  ['an unknown volume', ['status', 'photos'], 1, /there is no volume photos .*\n.*try: .*holdfast init/],
  ['a bad volume name', ['status', 'a/b'], 1, /cannot be the name of a volume/],
  ['init without disks', ['init', 'x', ...backup], 2, /--disk is missing/],
  ['init without a backup', ['init', 'x', '--disk', ...disks], 2, /--backup is missing: .*none/],
  ['a disk that does not exist', ['init', 'x', '--disk', machine.path('d9'), ...backup], 1, /the disk .*d9 does not exist\n.*try: /],
  ['disks that overlap', ['init', 'x', '--disk', ...machine.disks(1), machine.path('d1/sub'), ...backup], 1, /overlap/],
  ['a disk twice', ['init', 'x', '--disk', ...machine.disks(1, 1), ...backup], 1, /listed twice/],
  ['more tolerance than the disks can hold', ['init', 'x', '--disk', ...disks, '--tolerance', '4', ...backup], 1, /tolerance: 4 is more than 4 disks can hold; with 4 disks parity may be 0 to 3/],
  ['more parity than tolerance', ['init', 'x', '--disk', ...disks, '--parity', '2', '--tolerance', '1', ...backup], 1, /tolerance: 1 is below parity 2/],
  ['parity that is no number', ['init', 'x', '--disk', ...disks, '--parity', 'two', ...backup], 2, /--parity two: it must be a whole number/],
  ['two disks on one device', ['init', 'x', '--disk', ...disks, '--backup', 'none'], 1, /same device.*\n.*try: .*--allow-shared-device/],
  ['a backup of an unknown kind', ['init', 'x', '--disk', ...disks, '--backup', 'ftp://x'], 2, /a backup is s3:/],
  ['a backup on one of the disks', ['init', 'x', '--disk', ...disks, '--backup', `file://${machine.path('d1')}/b`], 1, /overlap/],
  ['state on one of the disks', ['init', 'x', '--disk', ...disks, '--state-dir', machine.path('d1/state'), ...backup], 1, /state_dir.*overlap/],
  ['a scheme that does not exist', ['init', 'x', '--disk', ...disks, '--scheme', 'mirror', ...backup], 2, /--scheme mirror: it must be parity or copy/],
  ['umount of what is not mounted', ['umount', machine.mount], 1, /no Holdfast volume is mounted at/],
  ['a replacement without a new disk', ['rebuild', 'x', '--replace', '/a'], 1, /no volume x/],
  ['restore from an empty directory', ['restore', 'x', '--from', machine.backupUrl, '--disk', ...disks, '--allow-shared-device'], 1, /holds no Holdfast backup/],
];

for (const [what, words, code, expected] of refusals) {
  test(`${what} is refused with exit code ${code} and nothing written`, async () => {
    const outcome = await machine.run(...words);
    assert.match(outcome.stderr, expected);
    assert.equal(outcome.code, code);
    assert.match(outcome.stderr, /^try: /m);
    assertUntouched();
  });
}

test('with --json an error is JSON as well', async () => {
  const error = (await machine.json('status', 'photos'))['error'] as Record<string, unknown>; // asserted next
  assert.deepEqual([error['kind'], error['code']], ['missing', 'volume-unknown']);
});

test('every command has --help with an example', async () => {
  const help = await machine.succeed('--help');
  const commands = [...help.matchAll(/^ {2}holdfast (\w+)/gm)].map((match) => match[1] ?? '');
  assert.deepEqual(commands, ['init', 'mount', 'umount', 'status', 'deltas', 'flush', 'rebuild', 'restore', 'disk', 'scrub', 'check']);
  for (const command of commands) assert.match(await machine.succeed(command, '--help'), /Examples:\s+holdfast /, command);
});

test('status without volumes says how to make one', async () => {
  assert.match(await machine.succeed('status'), /holdfast init NAME/);
});

test('a disk that holds something else is not taken', async () => {
  const other = new Machine();
  try {
    writeFileSync(other.path('d2', 'precious.txt'), 'do not touch');
    const outcome = await other.run('init', 'x', '--disk', ...other.disks(1, 2, 3, 4), '--backup', other.backupUrl, '--allow-shared-device');
    assert.equal(outcome.code, 1);
    assert.match(outcome.stderr, /d2/);
    assert.deepEqual(readdirSync(other.path('d2')), ['precious.txt']);
    for (const folder of ['d1', 'd3', 'd4', 'etc', 'backup']) assert.deepEqual(readdirSync(other.path(folder)), [], `${folder} was written to`);
  } finally {
    await other.end();
  }
});

test('a backup prefix and disks of another volume are refused, and that volume is not harmed', async () => {
  const other = new Machine(8);
  try {
    await other.init('first');
    const prefix = await other.run('init', 'second', '--disk', ...other.disks(5, 6, 7, 8), '--backup', other.backupUrl, '--allow-shared-device');
    assert.equal(prefix.code, 1);
    assert.match(prefix.stderr, /another volume|belongs to|taken/i);
    assert.deepEqual(readdirSync(other.path('d5')), []);
    mkdirSync(other.path('backup2'));
    const labelled = await other.run('init', 'second', '--disk', ...other.disks(1, 5), '--backup', `file://${other.path('backup2')}`, '--allow-shared-device');
    assert.equal(labelled.code, 1);
    assert.deepEqual(readdirSync(other.path('d5')), []);
    assert.equal(existsSync(other.path('etc', 'second.toml')), false);
    const again = await other.run('init', 'first', '--disk', ...other.disks(5, 6), '--backup', 'none', '--allow-shared-device');
    assert.match(again.stderr, /there is a volume of that name already/);
    await other.succeed('status', 'first');
  } finally {
    await other.end();
  }
});

test('--disk takes several words and may be repeated, and two disks get the best promise they can keep', async () => {
  const other = new Machine(3);
  try {
    const report = await other.json('init', 'x', '--disk', ...other.disks(1, 2), '--disk', ...other.disks(3), '--backup', 'none', '--allow-shared-device');
    assert.deepEqual([(report['disks'] as unknown[]).length, report['parity'], report['tolerance']], [3, 1, 2]);
  } finally {
    await other.end();
  }
});

test('a reader that has enough is no error: the rest is said to nobody', () => {
  // The reader closes its end long before the first line is written.
  const script = '"$0" "$@" 2>"$ERRORS" | { exec 0<&-; sleep 3; }; exit "${PIPESTATUS[0]}"';
  const errors = machine.path('errors');
  const outcome = spawnSync('bash', ['-c', script, process.execPath, program, 'status', '--json'], { env: { ...machine.environment, ERRORS: errors } });
  assert.equal(readFileSync(errors, 'utf8'), '');
  assert.equal(outcome.status, 0);
});
