// driver = "fuse-native" where it cannot be had: an error with a way out before anything is written, and no harm to anything else.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { repositoryRoot } from '../repository.js';
import { withDriver } from '../support/drivers.js';

const folder = realpathSync(mkdtempSync(join(process.env['HOLDFAST_TEST_SCRATCH'] ?? tmpdir(), 'driver-')));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The program as it lies where libfuse 2 was not there at build time. */
const copy = join(folder, 'copy');
const compiled = join(import.meta.dirname, '../..');
mkdirSync(join(copy, 'native/build'), { recursive: true });
cpSync(join(compiled, 'src'), join(copy, 'dist/src'), { recursive: true });
for (const name of ['package.json', 'node_modules', 'native/build/Release']) symlinkSync(join(repositoryRoot, name), join(copy, name));
mkdirSync(join(folder, 'mnt'));

const env = { ...process.env, NO_COLOR: '1', HOLDFAST_CONFIG_DIR: join(folder, 'etc'), HOLDFAST_STATE_DIR: join(folder, 'var') };

function holdfast(...words: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [join(copy, 'dist/src/cli/main.js'), ...words], { env, encoding: 'utf8', timeout: 60_000 });
}

function contents(): string {
  return execFileSync('sh', ['-c', 'find . -path ./copy -prune -o -printf "%p %s %T@\\n" | sort'], { cwd: folder, encoding: 'utf8' });
}

test('mount with the driver fuse-native says that it was not built and how to get it; everything else works', () => {
  const disks = ['d1', 'd2'].map((name) => join(folder, name));
  for (const disk of disks) mkdirSync(disk);
  assert.equal(holdfast('init', 'photos', '--disk', ...disks, '--parity', '0', '--tolerance', '1', '--backup', 'none', '--allow-shared-device').status, 0);
  const file = join(folder, 'etc/photos.toml');
  writeFileSync(file, withDriver(readFileSync(file, 'utf8'), 'fuse-native'));
  const before = contents();
  for (const words of [[], ['--foreground'], ['--json']]) {
    const { status, stdout, stderr } = holdfast('mount', 'photos', join(folder, 'mnt'), ...words);
    assert.equal(status, 1, stdout + stderr);
    assert.match(stderr, /^holdfast: the driver fuse-native cannot be used: it was not built$/m);
    assert.match(stderr, /^try: .*apt-get install libfuse2 libfuse-dev.*make setup/m);
  }
  assert.equal(contents(), before, 'nothing was written');
  const status = holdfast('status', 'photos');
  assert.match(status.stdout, /unmounted/, status.stderr);
});

test('where the library has gone since, the error names it and what to install', () => {
  mkdirSync(join(copy, 'native/fuse-native/build/Release'), { recursive: true });
  const source = join(folder, 'empty.c');
  writeFileSync(source, '');
  // As the real one looks without libfuse2: it needs a library that is not there.
  const library = join(folder, 'libnot-there.so.2');
  execFileSync('cc', ['-shared', '-Wl,-soname,libnot-there.so.2', '-o', library, source]);
  execFileSync('cc', ['-shared', '-Wl,--no-as-needed', '-o', join(copy, 'native/fuse-native/build/Release/fuse_native.node'), source, library]);
  rmSync(library);
  const { status, stderr } = holdfast('mount', 'photos', join(folder, 'mnt'));
  assert.equal(status, 1);
  assert.match(stderr, /cannot be used: libnot-there\.so\.2: cannot open shared object file/);
  assert.match(stderr, /^try: As root: apt-get install libfuse2$/m);
});
