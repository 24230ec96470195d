// GlusterFS disperse 3+1 through its FUSE client: FUSE and an erasure code, as Holdfast is. Its servers and its client run in a network
// namespace that has nothing but loopback; what they keep below /var is in memory, in the bench's own mount namespace.
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, start } from '../child.js';
import { format, isMounted, type RamDisk, stageFolder, unmount } from '../rig.js';
import { syncFileSystems } from '../sync.js';
import { missingProgram, mountFolder, type Target, until } from '../target.js';

const address = '127.0.0.2';
const volume = 'bench';
const work = join(stageFolder, 'gluster');
const kept = ['/var/lib/glusterd', '/var/log/glusterfs', '/var/run/gluster'];

const settings = `volume management
 type mgmt/glusterd
 option working-directory ${work}/lib
 option transport-type socket
 option transport.socket.bind-address ${address}
 option transport.socket.read-fail-log off
 option ping-timeout 0
 option event-threads 1
end-volume
`;

export class Gluster implements Target {
  readonly name = 'glusterfs';
  readonly about = 'disperse 3+1, FUSE client';
  readonly packages = ['glusterfs-server', 'glusterfs-client', 'iproute2'];
  readonly folder = mountFolder('glusterfs');
  readonly disks: readonly RamDisk[];
  readonly below: readonly string[];
  /** The process that holds the network namespace. */
  #holder = 0;

  constructor(disks: readonly RamDisk[]) {
    this.disks = disks;
    this.below = disks.map((disk) => disk.folder);
  }

  lacks(): string | null {
    return missingProgram('glusterd', 'glusterfs', 'gluster', 'ip', 'nsenter');
  }

  async fresh(): Promise<void> {
    await this.down();
    this.disks.forEach(format);
    for (const folder of [this.folder, ...kept]) mkdirSync(folder, { recursive: true });
    for (const folder of kept) await run('mount', ['-t', 'tmpfs', 'bench', folder]);
    mkdirSync(join(work, 'lib'), { recursive: true });
    writeFileSync(join(work, 'glusterd.vol'), settings);
    this.#holder = start('unshare', ['--net', 'sleep', 'infinity']).pid ?? 0;
    await until('the network namespace', () => networkOf(this.#holder) !== networkOf(process.pid));
    await this.#inside('ip', 'link', 'set', 'lo', 'up');
    await this.#inside('glusterd', '-f', join(work, 'glusterd.vol'), '-p', join(work, 'glusterd.pid'), '-l', join(work, 'glusterd.log'));
    await until('glusterd', () => this.#gluster('volume', 'list').then(yes, no));
    await this.#gluster('volume', 'create', volume, 'disperse', '4', 'redundancy', '1', ...this.below.map((folder) => `${address}:${folder}/brick`), 'force');
    await this.#gluster('volume', 'start', volume);
    await this.#mount();
  }

  /** The servers go on: their caches are the kernel's. */
  async cold(): Promise<void> {
    unmount(this.folder);
    syncFileSystems(this.below);
    writeFileSync('/proc/sys/vm/drop_caches', '3\n');
    await this.#mount();
  }

  /** The servers are killed: their disks are made anew. */
  async down(): Promise<void> {
    unmount(this.folder);
    const network = networkOf(this.#holder);
    for (const pid of network === null ? [] : processesIn(network)) process.kill(pid, 'SIGKILL');
    this.#holder = 0;
    rmSync(work, { recursive: true, force: true });
    for (const folder of [...this.below, ...kept]) unmount(folder);
  }

  async #mount(): Promise<void> {
    await this.#inside('glusterfs', `--volfile-server=${address}`, `--volfile-id=${volume}`, `--log-file=${join(work, 'client.log')}`, this.folder);
    await until('the mount of glusterfs', () => isMounted(this.folder));
    // The client answers once it has met all servers.
    readdirSync(this.folder);
  }

  #gluster(...args: readonly string[]): Promise<string> {
    return this.#inside('gluster', '--mode=script', ...args);
  }

  #inside(...command: readonly string[]): Promise<string> {
    return run('nsenter', [`--net=/proc/${this.#holder}/ns/net`, '--', ...command]);
  }
}

const yes = (): boolean => true;
const no = (): boolean => false;

function networkOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null;
  }
}

function processesIn(network: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && networkOf(pid) === network);
}
