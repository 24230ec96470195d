// A real NFS server (nfs-ganesha) exports the mount by its file handles, and a real client works through it. Both are user space
// and need no module of the kernel; what they come in is installed by `scripts/setup-packages --tests`.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { repositoryRoot } from '../repository.js';
import { eventually, mountObstacle, VolumeProcess } from '../support/volume-process.js';

const server = '/usr/bin/ganesha.nfsd';
const obstacle = mountObstacle ?? (existsSync(server) && existsSync('/usr/include/nfsc/libnfs.h') ? false : 'needs nfs-ganesha, nfs-ganesha-vfs and libnfs-dev: scripts/setup-packages --tests');

/** One that nobody listens on now. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((listening) => probe.listen(0, '127.0.0.1', listening));
  const address = probe.address();
  assert.ok(address !== null && typeof address === 'object');
  await new Promise((closed) => probe.close(closed));
  return address.port;
}

class NfsServer {
  readonly #volume: VolumeProcess;
  readonly #port: number;
  #process: ChildProcess | null = null;

  constructor(volume: VolumeProcess, port: number) {
    this.#volume = volume;
    this.#port = port;
  }

  get url(): string {
    return `nfs://127.0.0.1/v?version=4&nfsport=${this.#port}`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const path = (name: string): string => this.#volume.path(`nfs-${name}`);
    mkdirSync(path('recovery'), { recursive: true });
    rmSync(path('log'), { force: true });
    writeFileSync(
      path('conf'),
      `NFS_CORE_PARAM { NFS_Port = ${this.#port}; Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false; Bind_addr = 127.0.0.1; Allow_Set_Io_Flusher_Fail = true; }
NFSV4 { Graceless = true; RecoveryBackend = fs; RecoveryRoot = ${path('recovery')}; Only_Numeric_Owners = true; }
EXPORT { Export_Id = 1; Path = ${this.#volume.mountPoint}; Pseudo = /v; Access_Type = RW; Squash = No_Root_Squash; SecType = sys; Protocols = 4; Transports = TCP;
  FSAL { Name = VFS; fsid_type = Major64; } }
`,
    );
    const log = openSync(path('output'), 'a');
    this.#process = spawn(server, ['-F', '-f', path('conf'), '-L', path('log'), '-p', path('pid')], { stdio: ['ignore', log, log] });
    const words = (): string => (existsSync(path('log')) ? readFileSync(path('log'), 'utf8') : '');
    await eventually(async () => {
      assert.equal(this.#process?.exitCode ?? null, null, `the NFS server ended\n${words()}`);
      return words().includes('NFS SERVER INITIALIZED');
    }, 'the NFS server answers');
  }

  /** At once, as in a crash. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

class NfsClient {
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  readonly #waiting: ((line: string) => void)[] = [];

  constructor(program: string, url: string) {
    this.#process = spawn(program, [url], { stdio: ['pipe', 'pipe', 'inherit'] });
    assert.ok(this.#process.stdout !== null);
    this.#lines = createInterface(this.#process.stdout);
    this.#lines.on('line', (line) => this.#waiting.shift()?.(line));
    this.#lines.on('close', () => {
      for (const answer of this.#waiting.splice(0)) answer('ended');
    });
  }

  /** The answer's line. */
  ask(...words: readonly string[]): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#process.stdin?.write(`${words.join(' ')}\n`);
    });
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}

describe('exported by NFS', { skip: obstacle }, () => {
  const volume = new VolumeProcess();
  let program = '';
  let exported: NfsServer;
  let client: NfsClient;

  before(async () => {
    program = volume.path('nfs-client');
    execFileSync('cc', ['-O1', '-o', program, join(repositoryRoot, 'test/support/nfs-client.c'), '-lnfs']);
    await volume.init();
    await volume.mount('-o', 'allow_other');
    exported = new NfsServer(volume, await freePort());
    await exported.start();
    client = new NfsClient(program, exported.url);
  });
  after(async () => {
    client?.end();
    await exported?.stop();
    await volume.end();
  });

  async function startAnew(between: () => Promise<void>): Promise<void> {
    client.end();
    await exported.stop();
    await between();
    await exported.start();
    client = new NfsClient(program, exported.url);
  }

  test('a client makes, writes, reads, renames and lists, and the mount shows the same', async () => {
    assert.equal(await client.ask('mkdir', '/d'), 'ok ');
    assert.equal(await client.ask('write', '/d/a', 'written by NFS'), 'ok ');
    assert.equal(readFileSync(volume.at('d', 'a'), 'utf8'), 'written by NFS');
    assert.equal(await client.ask('rename', '/d/a', '/d/b'), 'ok ');
    assert.equal(await client.ask('list', '/d'), 'ok b');
    assert.equal(await client.ask('read', '/d/a'), 'errno ENOENT');
    assert.equal(existsSync(volume.at('d', 'a')), false);
    writeFileSync(volume.at('d', 'local'), 'written here');
    assert.equal(await client.ask('read', '/d/local'), 'ok written here');
    assert.equal(await client.ask('unlink', '/d/local'), 'ok ');
    assert.equal(existsSync(volume.at('d', 'local')), false);
  });

  test('a handle leads to its file after a new mount and a new server, under whatever name', async () => {
    assert.equal(await client.ask('write', '/kept', 'found by handle'), 'ok ');
    const [word, handle = ''] = (await client.ask('handle', '/kept')).split(' ');
    assert.equal(word, 'ok');
    assert.equal(await client.ask('rename', '/kept', '/d/renamed'), 'ok ');
    assert.equal(await client.ask('read-handle', handle), 'ok found by handle');
    await startAnew(async () => {
      await volume.umount();
      await volume.mount('-o', 'allow_other');
    });
    assert.equal(await client.ask('read-handle', handle), 'ok found by handle');
  });

  test('a handle of a deleted file is stale, also when its name is there again', async () => {
    assert.equal(await client.ask('write', '/gone', 'first'), 'ok ');
    const [, handle = ''] = (await client.ask('handle', '/gone')).split(' ');
    // The server keeps files open for a while, and what is open can be read.
    await startAnew(async () => unlinkSync(volume.at('gone')));
    assert.equal(await client.ask('write', '/gone', 'second'), 'ok ');
    assert.equal(await client.ask('read-handle', handle), 'errno ESTALE');
    assert.equal(await client.ask('read', '/gone'), 'ok second');
  });

  test('what a client has synced is there after the daemon was killed', async () => {
    assert.equal(await client.ask('write', '/synced', 'by COMMIT'), 'ok ');
    await startAnew(async () => {
      await volume.signal('SIGKILL');
      await volume.mount('-o', 'allow_other');
    });
    assert.equal(await client.ask('read', '/synced'), 'ok by COMMIT');
  });
});
