// mount(8) and umount(8) with the helpers of a staged `make install` in /sbin, in a mount namespace of their own: nothing of the
// machine's /sbin, /etc/fstab, /etc/fuse.conf and /run/mount is changed, and what is mounted inside is seen inside only.
// Everything on such a mount is therefore done by commands that run inside. Needs root. end() ends the namespace.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readlinkSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Somebody without any right of their own. */
export interface Person {
  readonly uid: number;
  readonly gid: number;
}

/** Hangs are failures. */
const limitMs = 120_000;

/** Shell: a new mount namespace has copies of the mounts of tests that run beside it, which would not end while it has them. */
export const letGoOfOthers = `awk '$3 ~ /^fuse/ { print $2 }' /proc/self/mounts | while read -r point; do umount -i -l "$point"; done`;

export class MountTools {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #fstab: string;
  readonly #fuseConfiguration: string;
  readonly #namespace: ChildProcess;

  private constructor(folder: string, environment: NodeJS.ProcessEnv, namespace: ChildProcess) {
    this.#environment = environment;
    this.#fstab = join(folder, 'fstab');
    this.#fuseConfiguration = join(folder, 'fuse.conf');
    this.#namespace = namespace;
  }

  /** Installs below `folder` as a package would and enters the namespace. */
  static async start(folder: string, environment: NodeJS.ProcessEnv): Promise<MountTools> {
    const sbin = join(folder, 'sbin');
    const machines = join(folder, 'machine-sbin');
    for (const path of [sbin, machines, join(folder, 'run-mount')]) mkdirSync(path, { recursive: true });
    execFileSync(join(repositoryRoot, 'scripts/install-files'), { env: { ...environment, DESTDIR: join(folder, 'stage'), PREFIX: '/usr/local' } });
    const staged = join(folder, 'stage', 'sbin');
    const helpers = readdirSync(staged);
    assert.ok(helpers.includes('mount.holdfast') && helpers.includes('umount.fuse.holdfast'), `installed: ${helpers.join(', ')}`);
    for (const name of helpers) symlinkSync(join(folder, 'stage', readlinkSync(join(staged, name))), join(sbin, name));
    const real = realpathSync('/sbin');
    for (const name of readdirSync(real)) if (!helpers.includes(name)) symlinkSync(join(machines, name), join(sbin, name));
    writeFileSync(join(folder, 'fstab'), '');
    writeFileSync(join(folder, 'fuse.conf'), '');
    // /dev/fuse is for everybody on an ordinary machine.
    execFileSync('mknod', ['-m', '666', join(folder, 'fuse'), 'c', '10', '229']);
    const binds = [
      [real, machines],
      [sbin, real],
      [join(folder, 'run-mount'), '/run/mount'],
      [join(folder, 'fstab'), '/etc/fstab'],
      [join(folder, 'fuse.conf'), '/etc/fuse.conf'],
      [join(folder, 'fuse'), '/dev/fuse'],
    ];
    const script = ['set -e', letGoOfOthers, 'mkdir -p /run/mount', ...binds.map(([from, to]) => `/usr/bin/mount --bind '${from}' '${to}'`), 'echo ready', 'exec cat'].join('\n');
    const namespace = spawn('unshare', ['--mount', 'sh', '-c', script], { env: environment, stdio: ['pipe', 'pipe', 'inherit'] });
    assert.ok(namespace.stdout !== null);
    await once(namespace.stdout, 'data');
    return new MountTools(folder, environment, namespace);
  }

  /** A command inside, as root or as somebody. */
  run(words: readonly string[], person?: Person): Outcome {
    const { status, signal, stdout, stderr } = spawnSync('nsenter', this.#inside(words, person), { env: this.#environment, encoding: 'utf8', timeout: limitMs, killSignal: 'SIGKILL' });
    assert.equal(signal, null, `${words.join(' ')} did not end within ${limitMs / 1000} s`);
    return { code: status ?? -1, stdout, stderr };
  }

  /** For what must go well. Gives what it printed. */
  succeed(words: readonly string[], person?: Person): string {
    const { code, stdout, stderr } = this.run(words, person);
    assert.equal(code, 0, `${words.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** A process inside that goes on; the caller ends it. */
  start(words: readonly string[], person?: Person): ChildProcess {
    return spawn('nsenter', this.#inside(words, person), { env: this.#environment, stdio: ['pipe', 'pipe', 'inherit'] });
  }

  fstab(...lines: readonly string[]): void {
    writeFileSync(this.#fstab, lines.map((line) => `${line}\n`).join(''));
  }

  fuseConfiguration(text: string): void {
    writeFileSync(this.#fuseConfiguration, text);
  }

  /** Source, type and options of the mount at a path, as findmnt shows it; null when nothing is mounted there. */
  mountAt(point: string): { readonly source: string; readonly type: string; readonly options: readonly string[] } | null {
    const { code, stdout } = this.run(['findmnt', '--noheadings', '--raw', '--output', 'SOURCE,FSTYPE,VFS-OPTIONS,FS-OPTIONS', '--mountpoint', point]);
    const [source = '', type = '', ...options] = stdout.trim().split(' ');
    return code === 0 ? { source, type, options: options.flatMap((list) => list.split(',')) } : null;
  }

  async end(): Promise<void> {
    const ended = once(this.#namespace, 'exit');
    this.#namespace.stdin?.end();
    await ended;
  }

  #inside(words: readonly string[], person: Person | undefined): readonly string[] {
    const become = person === undefined ? [] : ['setpriv', `--reuid=${person.uid}`, `--regid=${person.gid}`, '--clear-groups', '--'];
    return [`--mount=/proc/${this.#namespace.pid}/ns/mnt`, '--', ...become, ...words];
  }
}
