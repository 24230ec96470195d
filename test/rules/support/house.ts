// One volume in a simulated world, driven by hand: mount, change files, break things at a chosen moment, mount again.
// Files lie in the root directory. Every wait goes through the world's scheduler, so nothing here takes real time.
import assert from 'node:assert/strict';
import { asContentId, ROOT_INO, type Ino } from '../../../src/base/ids.js';
import { silentLogger, type Logger } from '../../../src/base/logger.js';
import { SeededRandom } from '../../../src/base/random.js';
import type { VolumeSettings } from '../../../src/config/settings.js';
import type { MemoryDisk } from '../../../src/disk/memory-disk.js';
import { initVolumeWith } from '../../../src/volume/init.js';
import type { MountedVolume } from '../../../src/volume/mounted-volume.js';
import { openVolumeWith } from '../../../src/volume/open.js';
import type { VolumePorts } from '../../../src/volume/ports.js';
import type { InitReport } from '../../../src/volume/status.js';
import { emptyByOthers, fillByOthers } from '../../simulation/others.js';
import { World, type WorldShape } from '../../simulation/world.js';

const stepsMax = 400_000;
const regularFile = 0o100644;
/** The world's time leaps to the next timer, however far: this one is left out. */
const never = Number.MAX_SAFE_INTEGER;

export const fourDisks: WorldShape = { disks: 4, parity: 1, tolerance: 2, scheme: 'parity', backup: true };
export const fiveDisks: WorldShape = { disks: 5, parity: 1, tolerance: 2, scheme: 'parity', backup: true };
export const threeDisks: WorldShape = { disks: 3, parity: 1, tolerance: 1, scheme: 'parity', backup: true };
export const oneDisk: WorldShape = { disks: 1, parity: 0, tolerance: 0, scheme: 'parity', backup: true };

export class House {
  readonly world: World;
  settings: VolumeSettings;
  /** Changes the ports of the next mount. */
  adapt: (ports: VolumePorts) => VolumePorts = (ports) => ports;
  #volume: MountedVolume | null = null;
  readonly #random: SeededRandom;

  constructor(shape: WorldShape, seed = 1, logger: Logger = silentLogger) {
    this.world = new World(seed, shape, logger);
    this.settings = this.world.settings;
    this.#random = new SeededRandom(seed ^ 0x40e5e);
  }

  /** Runs a test in a new house and tears it down. */
  static async with(shape: WorldShape, test: (house: House) => Promise<void>, seed = 1, logger: Logger = silentLogger): Promise<void> {
    const house = new House(shape, seed, logger);
    try {
      await house.init();
      await test(house);
    } finally {
      house.#volume?.core.skeleton.close();
      house.world.scheduler.clear();
      house.world.remove();
    }
  }

  get volume(): MountedVolume {
    assert(this.#volume !== null, 'the volume is mounted');
    return this.#volume;
  }

  ports(): VolumePorts {
    return this.adapt(this.world.ports());
  }

  /** Lets the world go on until the promise is settled. */
  async run<T>(promise: Promise<T>): Promise<T> {
    const result = await this.world.scheduler.run(promise, stepsMax);
    if (result === 'stopped') throw new Error(`not done after ${stepsMax} steps`);
    return result as T; // run() gives the promise's value or 'stopped'
  }

  /** Lets so much happen and no more. */
  async let(steps: number): Promise<void> {
    await this.world.scheduler.let(steps);
  }

  /** Lets things happen until the condition holds. */
  async until(condition: () => boolean, what: string): Promise<void> {
    for (let round = 0; round < 500; round++) {
      if (condition()) return;
      await this.let(10);
    }
    throw new Error(`it did not come to this: ${what}`);
  }

  /** Lets virtual time pass: the heartbeat does its work. */
  async pass(ms: number): Promise<void> {
    const clock = this.world.scheduler.clock;
    await this.run(new Promise<void>((resolve) => void clock.after(ms, resolve)));
  }

  async init(): Promise<InitReport> {
    return this.run(initVolumeWith(this.settings, this.world.ports()));
  }

  async mount(): Promise<MountedVolume> {
    this.#volume = await this.run(openVolumeWith(this.settings, this.ports()));
    return this.#volume;
  }

  /** No heartbeat from the next mount on: nothing happens but what the test does. */
  quiet(): void {
    this.settings = { ...this.settings, commitIntervalMs: never };
    this.adapt = (ports) => ({ ...ports, clock: { ...ports.clock, after: (ms, action) => (ms === never ? { cancel: () => {} } : ports.clock.after(ms, action)) } });
  }

  /** What is not in the backup holds nobody up, from the next mount on. */
  unbudgeted(): void {
    this.settings = { ...this.settings, budget: { ...this.settings.budget, bytes: 1024 ** 3 } };
  }

  /** The heart of the present mount stops: no further beat. */
  stopHeart(): void {
    this.volume.reconfigure({ ...this.volume.core.thresholds, commitIntervalMs: never });
    this.world.scheduler.forgetTimers();
  }

  async close(): Promise<void> {
    await this.run(this.volume.close());
    this.#volume = null;
  }

  /** kill -9. */
  kill(): void {
    this.world.kill();
    this.#forget();
  }

  losePower(): void {
    this.world.losePower();
    this.#forget();
  }

  #forget(): void {
    this.#volume?.core.skeleton.close();
    this.#volume = null;
  }

  bytes(length: number): Buffer {
    return this.#random.bytes(length);
  }

  ino(name: string): Ino {
    const inode = this.volume.view.lookup(ROOT_INO, Buffer.from(name));
    assert(inode !== null, `${name} exists`);
    return inode.ino;
  }

  has(name: string): boolean {
    return this.volume.view.lookup(ROOT_INO, Buffer.from(name)) !== null;
  }

  async admitted(bytes: number, frees = false): Promise<void> {
    for (let wait = this.volume.admit(bytes, frees); wait !== null; wait = this.volume.admit(bytes, frees)) await this.run(wait);
  }

  /** Creates the file where it is not there and writes at `offset`. Answered, not synced. */
  async write(name: string, data: Buffer, offset = 0): Promise<void> {
    await this.admitted(0);
    if (!this.has(name)) {
      const ino = this.volume.view.nextIno();
      this.volume.apply({ type: 'create', ino, content: asContentId(ino), parent: ROOT_INO, name: Buffer.from(name), mode: regularFile, uid: 0, gid: 0, rdev: 0, target: null, time: this.volume.clock.now() });
    }
    const piece = 32 * 1024;
    for (let at = 0; at < data.length; at += piece) {
      const part = data.subarray(at, at + piece);
      await this.admitted(part.length);
      this.volume.write(this.ino(name), offset + at, part);
    }
  }

  async read(name: string): Promise<Buffer> {
    const inode = this.volume.view.inode(this.ino(name));
    assert(inode !== null, `${name} exists`);
    const answer = this.volume.read(inode.ino, 0, Number(inode.size));
    return Buffer.from(Buffer.isBuffer(answer) ? answer : await this.run(answer));
  }

  async remove(name: string): Promise<void> {
    await this.admitted(0, true);
    this.volume.apply({ type: 'unlink', ino: this.ino(name), parent: ROOT_INO, name: Buffer.from(name), time: this.volume.clock.now() });
  }

  async chmod(name: string, mode: number): Promise<void> {
    await this.admitted(0);
    this.volume.apply({ type: 'attribute', ino: this.ino(name), mode, ctime: this.volume.clock.now() });
  }

  sync(): Promise<void> {
    return this.run(this.volume.sync());
  }

  async flush(): Promise<void> {
    await this.run(this.volume.flush());
  }

  /** write() and sync(): acknowledged for good. */
  async save(name: string, data: Buffer, offset = 0): Promise<void> {
    await this.write(name, data, offset);
    await this.sync();
  }

  async expect(name: string, data: Buffer, why = name): Promise<void> {
    assert.ok((await this.read(name)).equals(data), `${why}: ${name} has its bytes`);
  }

  /** Somebody else takes these disks to the last byte; default: all. */
  fillByOthers(disks: readonly MemoryDisk[] = [...this.world.slots.values()]): Promise<void> {
    return this.run(fillByOthers(disks));
  }

  emptyByOthers(): Promise<void> {
    return this.run(emptyByOthers(this.world.slots.values()));
  }

  /** The whole skeleton checks out. */
  async check(): Promise<void> {
    await this.run(this.volume.points.cut());
    const findings = [];
    for await (const finding of this.volume.core.skeleton.check()) findings.push(finding);
    assert.deepEqual(findings, []);
  }
}
