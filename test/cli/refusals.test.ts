// Bad input of every kind: a clear error on stderr with a way out, an exit code other than 0 (2 for usage), and nothing written:
// disks, backup, configuration and mount point are compared as whole trees before and after.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { assertSameTree, differences, type Tree, treeOf } from '../support/tree.js';
import { mountObstacle, type Outcome, type Tables, VolumeProcess } from '../support/volume-process.js';

/** Which blocks of a file are written and which only reserved, the disks' own filesystem decides later. */
const untouched = ['data'] as const;

/** A refused command may say so in the daemon's log, nowhere else. The disks of a mounted volume are written by its daemon, which also tries soon after the mount whether the store can fence. */
function worldOf(volume: VolumeProcess, mounted: 'mounted' | 'not mounted' = 'not mounted'): Tree {
  const daemons = mounted === 'mounted' ? [...volume.disks.map((disk) => `./${basename(disk)}`), './backup/probes', './backup/.holdfast-tmp'] : [];
  return treeOf(volume.folder, ['./var', './daemon.log', ...daemons]);
}

function assertRefused({ code, stdout, stderr }: Outcome, exitCode: number, ...says: readonly RegExp[]): void {
  for (const expected of says) assert.match(stderr, expected);
  assert.equal(code, exitCode, stderr);
  assert.equal(stdout, '', 'nothing on stdout');
  assert.match(stderr, /^try: ./m, 'a way out');
  assert.doesNotMatch(stderr, /^\s+at /m, 'no stack');
}

describe('values in the configuration file', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  before(() => volume.init());
  after(() => volume.end());

  const wrong: readonly (readonly [Tables, RegExp])[] = [
    [{ flush: { bytes: '"1 Gib"' } }, /:\d+: flush\.bytes: "1 Gib" is not allowed; it must be a size such as "1 GiB", or "never"/],
    [{ flush: { age: '"soon"' } }, /:\d+: flush\.age: "soon" is not allowed/],
    [{ flush: { count: '0' } }, /:\d+: flush\.count: 0 is not allowed/],
    [{ flush: { fill: '1.5' } }, /:\d+: flush\.fill: 1\.5 is not allowed/],
    [{ flush: { schedule: '"0 25 * * *"' } }, /:\d+: flush\.schedule: "0 25 \* \* \*" is not allowed; it must be a cron expression/],
    [{ flush: { at_unmount: '"yes"' } }, /:\d+: flush\.at_unmount: "yes" is not allowed; it must be true or false/],
    [{ flush: { byte: '"1 GiB"' } }, /:\d+: flush\.byte: unknown key; did you mean flush\.bytes\?/],
    [{ budget: { soft: '0.9', hard: '0.8' } }, /:\d+: budget\.soft: 0\.9 must be below budget\.hard/],
    [{ budget: { when_full: '"drop"' } }, /:\d+: budget\.when_full: "drop" is not allowed; it must be "wait" or "parity-only"/],
    [{ retention: { keep_roots: '0' } }, /:\d+: retention\.keep_roots: 0 is not allowed/],
    [{ mount: { noatime: '1' } }, /:\d+: mount\.noatime: 1 is not allowed/],
    [{ log: { level: '"loud"' } }, /:\d+: log\.level: "loud" is not allowed/],
    [{ backup: { endpoint: '"host:9000"' } }, /:\d+: backup\.endpoint: "host:9000" is not allowed; it must be a URL/],
    [{ mount: { options: '["a,b"]' } }, /:\d+: mount\.options: /],
    [{ log: { level: 'debug' } }, /:\d+: not valid TOML/],
  ];

  for (const [tables, says] of wrong) {
    test(`${JSON.stringify(tables)} is refused with its line and key`, async () => {
      volume.configure(tables);
      const [[table = '', keys = {}] = []] = Object.entries(tables);
      const world = worldOf(volume);
      for (const words of [
        ['mount', volume.name, volume.mountPoint],
        ['flush', volume.name],
      ])
        assertRefused(await volume.run(...words), 1, says);
      assertSameTree(world, worldOf(volume), untouched);
      // The line is the right one.
      const text = readFileSync(volume.path('etc', `${volume.name}.toml`), 'utf8').split('\n');
      const line = Number(/:(\d+): /.exec((await volume.run('status', volume.name)).stderr)?.[1]);
      assert.ok(text[line - 1]?.startsWith(`${Object.keys(keys)[0]} = `), `line ${line} of table ${table}: ${text[line - 1]}`);
    });
  }

  test('top-level values and several mistakes at once', async () => {
    const path = volume.path('etc', 'other.toml');
    writeFileSync(path, 'disks = ["relative"]\nparity = -1\ntolerance = "two"\nscheme = "mirror"\ncolour = "blue"\n');
    const { code, stderr } = await volume.run('mount', 'other', volume.mountPoint);
    assert.equal(code, 1);
    for (const part of ['other.toml:1: disks', 'other.toml:2: parity: -1', 'other.toml:3: tolerance: "two"', 'other.toml:4: scheme: "mirror"', 'other.toml:5: colour: unknown key']) assert.ok(stderr.includes(part), `${part} in ${stderr}`);
    rmSync(path);
  });
});

describe('disks at init', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess({ disks: 6 });
  const [d1 = '', d2 = '', d3 = '', d4 = '', d5 = '', d6 = ''] = volume.disks;
  const init = (...words: readonly string[]): Promise<Outcome> => volume.run('init', volume.name, '--backup', volume.backupUrl, ...words);
  const shared = '--allow-shared-device';
  after(() => volume.end());
  let world: Tree;
  before(() => {
    mkdirSync(join(d1, 'inside'));
    symlinkSync(d2, volume.path('link-to-d2'));
    writeFileSync(volume.path('a-file'), '');
    writeFileSync(join(d5, 'precious'), 'somebody else’s');
    world = worldOf(volume);
  });
  afterEach(() => assertSameTree(world, worldOf(volume), untouched));

  const cases: readonly (readonly [string, readonly string[], number, readonly RegExp[]])[] = [
    ['that overlap', ['--disk', d1, join(d1, 'inside'), d3, shared], 1, [/d1\/inside and .*d1 overlap/]],
    ['that are the same by a link', ['--disk', d2, volume.path('link-to-d2'), d3, shared], 1, [/d2 and .*link-to-d2 lead to the same place/]],
    ['that share a device', ['--disk', d6, d2, d3, d4], 1, [/d6 and .*d2 .*same device/, /--allow-shared-device/]],
    ['that are a file', ['--disk', volume.path('a-file'), d2, shared], 1, [/a-file is not a directory/]],
    ['that do not exist', ['--disk', volume.path('none'), d2, shared], 1, [/none does not exist/]],
    ['that hold something else', ['--disk', d2, d5, shared], 1, [/d5/, /empty|precious/]],
    ['too few for the tolerance', ['--disk', d2, d3, '--tolerance', '2', shared], 1, [/tolerance: 2 is more than 2 disks can hold; with 2 disks/]],
    ['too few for the parity', ['--disk', d2, '--parity', '1', shared], 1, [/1 is more than 1 disk can hold; with 1 disk only parity 0 and tolerance 0/]],
    ['around the backup', ['--disk', d2, volume.path('backup'), shared], 1, [/overlap/]],
  ];
  for (const [what, words, code, says] of cases) {
    test(what, async () => assertRefused(await init(...words), code, ...says));
  }

  test('state inside a disk, and configuration on a disk', async () => {
    assertRefused(await init('--disk', d2, d3, d4, shared, '--state-dir', join(d3, 'state')), 1, /state_dir: .* overlap/);
    assertRefused(await volume.run('init', join(d3, 'x.toml'), '--backup', volume.backupUrl, '--disk', d2, d3, d4, shared), 1, /configuration file .* lies on the disk/);
  });

  test('a backup that cannot be: unreachable, not writable, of an unknown kind', async () => {
    const words = ['--disk', d2, d3, d4, shared];
    assertRefused(await volume.run('init', volume.name, ...words, '--backup', `file://${volume.path('a-file')}/below`), 1, /a-file\/below/);
    assertRefused(await volume.run('init', volume.name, ...words, '--backup', 'ftp://host/x'), 2, /a backup is s3:/);
    assertRefused(await volume.run('init', volume.name, ...words, '--backup', 's3://bucket/x', '--endpoint', 'http://127.0.0.1:1', '--region', 'us-east-1'), 1, /127\.0\.0\.1:1/);
  });
});

describe('places and disks at mount', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const [d1 = '', d2 = '', d3 = ''] = volume.disks;
  const mount = (at: string): Promise<Outcome> => volume.run('mount', volume.name, at);

  before(async () => {
    // A disk that can be unmounted.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1G', 'tmpfs', d3]);
    await volume.init();
  });
  after(() => volume.end());

  test('a mount point that is not empty: the error shows the way to bring the files in, and that way works', async () => {
    mkdirSync(volume.path('photos'));
    writeFileSync(volume.path('photos', 'old.jpg'), 'was here before');
    chmodSync(volume.path('photos', 'old.jpg'), 0o640);
    const world = worldOf(volume);
    const refused = await mount(volume.path('photos'));
    assertRefused(refused, 1, /not empty \(1 entry, for example old\.jpg\)/, /^try: to bring these files in: /m);
    assertSameTree(world, worldOf(volume), untouched);
    const [, way = ''] = /^try: to bring these files in: (.*)$/m.exec(refused.stderr) ?? [];
    const bin = volume.path('bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'holdfast'), `#!/bin/sh\nexec '${process.execPath}' '${join(import.meta.dirname, '../../src/cli/main.js')}' "$@"\n`, { mode: 0o755 });
    const { status, stderr } = spawnSync('sh', ['-ec', way], { env: { ...volume.environment, PATH: `${bin}:${process.env['PATH'] ?? ''}` }, encoding: 'utf8' });
    assert.equal(status, 0, `${way}\n${stderr}`);
    assert.equal(readFileSync(volume.path('photos', 'old.jpg'), 'utf8'), 'was here before');
    assert.deepEqual(differences(treeOf(volume.path('photos.old')), treeOf(volume.path('photos')), ['inode', 'ctime', 'data']), []);
    await volume.succeed('umount', volume.name);
  });

  test('a mount point that is missing, a file, around the volume’s own files, or inside a disk', async () => {
    mkdirSync(volume.path('around', 'below'), { recursive: true });
    mkdirSync(join(d1, 'sub'));
    writeFileSync(volume.path('file'), '');
    const world = worldOf(volume);
    assertRefused(await mount(volume.path('none')), 1, /does not exist/, /^try: mkdir -p /m);
    assertRefused(await mount(volume.path('file')), 1, /not a directory/);
    assertRefused(await mount(volume.folder), 1, /disk .*d1 lies inside the mount point/);
    assertRefused(await mount(volume.path('var')), 1, /state_dir .* lies inside the mount point/);
    assertRefused(await mount(volume.path('etc')), 1, /configuration file .* lies inside the mount point/);
    assertRefused(await mount(volume.path('backup')), 1, /backup directory .* lies inside the mount point/);
    assertRefused(await mount(join(d1, 'sub')), 1, /lies inside the disk/);
    assertRefused(await volume.run('mount', volume.name), 2, /mountpoint|Not enough/);
    assertRefused(await volume.run('mount', volume.name, volume.mountPoint, '-o', 'quota'), 1, /"quota" is not supported/);
    assertSameTree(world, worldOf(volume), untouched);
    rmSync(join(d1, 'sub'), { recursive: true });
  });

  test('a volume that is mounted already: by mount, rebuild, init and a second name for its disks', async () => {
    await volume.mount();
    mkdirSync(volume.path('elsewhere'));
    const file = volume.path('etc', 'second.toml');
    writeFileSync(
      file,
      readFileSync(volume.path('etc', `${volume.name}.toml`), 'utf8')
        .replace(`name = "${volume.name}"`, 'name = "second"')
        .replace(/^state_dir.*$/m, ''),
    );
    const world = worldOf(volume, 'mounted');
    assertRefused(await mount(volume.mountPoint), 1, /is a mount point of holdfast:drill already/);
    assertRefused(await mount(volume.path('elsewhere')), 1, /mounted already at .*\/mnt \(pid \d+\)/, /^try: holdfast umount drill/m);
    assertRefused(await volume.run('mount', 'second', volume.path('elsewhere')), 1, /d1 is in use by another holdfast process/);
    assertRefused(await volume.run('init', volume.name, '--disk', ...volume.disks, '--backup', 'none', '--allow-shared-device'), 1, /there is a volume of that name already/);
    assertRefused(await volume.run('restore', volume.name, '--from', volume.backupUrl, '--disk', ...volume.disks, '--allow-shared-device'), 1, /there is a volume of that name already/);
    assertSameTree(world, worldOf(volume, 'mounted'), untouched);
    await volume.umount();
    rmSync(file);
  });

  test('too many disks missing: the error names each, and what is there is not touched', async () => {
    for (const disk of [d1, d2]) renameSync(disk, `${disk}-away`);
    execFileSync('umount', [d3]);
    const world = worldOf(volume);
    assertRefused(await mount(volume.mountPoint), 1, /d1/, /d2/, /d3/);
    assertRefused(await volume.run('flush', volume.name), 1, /d1/);
    assertSameTree(world, worldOf(volume), untouched);
    for (const disk of [d1, d2]) renameSync(`${disk}-away`, disk);
  });

  test('a disk that is only an unmounted mount point, missing, or of another volume: mounted without it, never written to, and status says why', async () => {
    const other = new VolumeProcess();
    try {
      await other.init();
      // d3 is the mount point of a disk that is not mounted any more (the test before left it so).
      const beneath = treeOf(d3);
      await volume.mount();
      writeFileSync(volume.at('written-without-d3'), Buffer.alloc(300_000, 3));
      const { disks, state } = await volume.status();
      assert.equal(state, 'degraded');
      assert.match(disks.find((disk) => disk.path === d3)?.reason ?? '', /label|mount/);
      await volume.umount();
      assert.deepEqual(differences(beneath, treeOf(d3)), []);
      // Another volume's disk in the place of d2, besides.
      renameSync(d2, `${d2}-away`);
      renameSync(other.disks[0] ?? '', d2);
      const foreign = treeOf(d2);
      const world = worldOf(volume);
      const outcome = await mount(volume.mountPoint);
      // Two of four are gone: that is the tolerance, so it mounts where the history can be decided, else it is refused and nothing is written.
      if (outcome.code !== 0) assertSameTree(world, worldOf(volume), untouched);
      else {
        const { disks: now } = await volume.status();
        assert.match(now.find((disk) => disk.path === d2)?.reason ?? '', /belongs to|another volume/);
        assert.equal(readFileSync(volume.at('written-without-d3')).length, 300_000);
        await volume.succeed('umount', volume.name);
      }
      assert.deepEqual(differences(foreign, treeOf(d2)), []);
    } finally {
      await other.end();
    }
  });
});

describe('a backup that belongs to another volume', { skip: mountObstacle ?? false }, () => {
  const first = new VolumeProcess();
  const second = new VolumeProcess();
  before(async () => {
    await first.init();
  });
  after(async () => {
    await first.end();
    await second.end();
  });

  test('is refused by init, and by a mount whose file was changed to it', async () => {
    const worlds = [worldOf(first), worldOf(second)] as const;
    assertRefused(await second.run('init', second.name, '--disk', ...second.disks, '--backup', first.backupUrl, '--allow-shared-device'), 1, /another volume|belongs to/);
    assertSameTree(worlds[0], worldOf(first), untouched);
    assertSameTree(worlds[1], worldOf(second), untouched);
    await second.init();
    const file = second.path('etc', `${second.name}.toml`);
    writeFileSync(file, readFileSync(file, 'utf8').replace(second.backupUrl, first.backupUrl));
    const before1 = worldOf(first);
    const outcome = await second.run('mount', second.name, second.mountPoint);
    assert.equal(outcome.code, 1);
    assert.match(outcome.stderr, /another volume|belongs to/);
    assertSameTree(before1, worldOf(first), untouched);
  });
});
