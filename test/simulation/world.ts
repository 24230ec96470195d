// One simulated machine: memory disks that keep only synced data, a memory object store, virtual time, and the real storage
// core on top. kill() and losePower() end a life at any step; the next life() recovers from what is left.
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asDiskId, asVolumeId, NO_LSN, type VolumeId } from '../../src/base/ids.js';
import { HoldfastError } from '../../src/base/errors.js';
import { silentLogger, type Logger } from '../../src/base/logger.js';
import { SeededRandom } from '../../src/base/random.js';
import { defaultSettings, type VolumeSettings } from '../../src/config/settings.js';
import type { Disk } from '../../src/disk/disk.js';
import { readLabel, writeLabel } from '../../src/disk/label.js';
import { MemoryDisk } from '../../src/disk/memory-disk.js';
import { groupLimits } from '../../src/journal/batch-group.js';
import { InlineCodec } from '../../src/native/inline-codec.js';
import { FaultyObjectStore } from '../../src/objectstore/faulty-object-store.js';
import type { ObjectStore } from '../../src/objectstore/object-store.js';
import { MemoryObjectStore } from '../../src/objectstore/memory-object-store.js';
import { defaultRetryPolicy, RetryingObjectStore } from '../../src/objectstore/retrying-object-store.js';
import type { LabelledDisk, VolumePorts } from '../../src/volume/ports.js';
import { Scheduler } from './scheduler.js';

export interface WorldShape {
  readonly disks: number;
  readonly parity: number;
  readonly tolerance: number;
  readonly scheme: 'parity' | 'copy';
  readonly backup: boolean;
  /** Dedicated journal disks; default none. */
  readonly journalDisks?: number;
  /** Default: no scrub by itself. */
  readonly scrubPeriodSeconds?: number;
  /** Of every disk; default: far more than any life fills. */
  readonly diskBytes?: number;
  /** Somebody else fills the disks now and then (others.ts). */
  readonly filledByOthers?: boolean;
}

const plentyBytes = 512 * 1024 ** 2;

export class World {
  readonly random: SeededRandom;
  readonly scheduler: Scheduler;
  #settings: VolumeSettings;
  readonly store: MemoryObjectStore;
  readonly #folder: string;
  readonly #diskBytes: number;
  #ends = 0;
  readonly logger: Logger;
  /** path -> what is in the slot. */
  readonly slots = new Map<string, MemoryDisk>();
  readonly #labels = new Map<string, { readonly volume: VolumeId; readonly disk: string }>();
  readonly absent = new Set<string>();
  /** Put between the volume and a disk: faults, canaries. */
  wrapDisk: (disk: Disk) => Disk = (disk) => disk;
  /** What the store does wrong next. */
  storeFault: ConstructorParameters<typeof FaultyObjectStore>[1] = () => null;
  #boot = 0;

  constructor(seed: number, shape: WorldShape, logger: Logger = silentLogger) {
    this.random = new SeededRandom(seed);
    this.scheduler = new Scheduler(this.random);
    this.logger = logger;
    this.#diskBytes = shape.diskBytes ?? plentyBytes;
    this.#folder = mkdtempSync(join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'holdfast-sim-'));
    this.store = new MemoryObjectStore({ pause: () => new Promise((resolve) => this.scheduler.defer(resolve)) });
    for (let i = 0; i < shape.disks; i++) this.slots.set(`/disk${i}`, this.#newDisk(`/disk${i}`));
    const journal = Array.from({ length: shape.journalDisks ?? 0 }, (_, i) => `/journal${i}`);
    const pool = [...this.slots.keys()];
    for (const path of journal) this.slots.set(path, this.#newDisk(path));
    this.#settings = {
      ...defaultSettings('sim', this.stateDir),
      disks: pool.map((path) => ({ path })),
      journal: { disks: journal.map((path) => ({ path })) },
      parity: shape.parity,
      tolerance: shape.tolerance,
      scheme: shape.scheme,
      scrub: { periodSeconds: shape.scrubPeriodSeconds ?? null, bytesPerSecond: 1024 ** 2 },
      backup: shape.backup ? { url: 's3://sim/volume', endpoint: null, region: null, pathStyle: true, profile: null } : null,
    };
  }

  /**
   * The state directory of the present life. Every end moves to a copy: calls of a dead process to the real file system
   * cannot be taken back, but what they do to the old one reaches nobody.
   */
  get stateDir(): string {
    return `${this.#folder}/${this.#ends}`;
  }

  get settings(): VolumeSettings {
    return this.#settings;
  }

  /** A fresh, empty disk in a slot (new or old). */
  insertDisk(path: string): void {
    this.slots.set(path, this.#newDisk(path));
    this.#labels.delete(path);
    this.absent.delete(path);
  }

  ports(): VolumePorts {
    return {
      clock: this.scheduler.clock,
      random: this.random,
      logger: this.logger,
      bootId: `boot-${this.#boot}`,
      codec: new InlineCodec(),
      inlineImages: true,
      poolSettings: { segmentBytes: 64 * 1024, buffersMax: 4, sealEarlyBytes: 24 * 1024, sealsAtOnce: 2, reserveBytes: (totalBytes) => Math.min(4 * 1024 * 1024, totalBytes / 16) },
      journalLimits: { ...groupLimits, fileBytes: this.#diskBytes < plentyBytes ? Math.max(32 * 1024, this.#diskBytes / 64) : 128 * 1024 },
      stateSpace: async () => ({ totalBytes: 2 ** 40, freeBytes: 2 ** 39 }),
      openStore: () => {
        const faulty = new FaultyObjectStore(openForever(this.store), (operation, key) => this.storeFault(operation, key));
        return Promise.resolve(new RetryingObjectStore(faulty, { clock: this.scheduler.clock, random: this.random, logger: this.logger }, defaultRetryPolicy));
      },
      disks: {
        open: async (path): Promise<LabelledDisk> => {
          const label = this.#labels.get(path);
          const disk = this.slots.get(path);
          if (label === undefined || disk === undefined || this.absent.has(path)) {
            throw new HoldfastError('missing', `${path} is not there`, { code: 'disk-missing' });
          }
          // Every opening is a new descriptor on the same bytes.
          const opened = disk.crash(this.random, 'process');
          this.slots.set(path, opened);
          const { generation, durableLsn } = await readLabel(opened);
          return { disk: this.wrapDisk(opened), volume: label.volume, mark: { generation, durableLsn } };
        },
        probe: () => Promise.resolve(),
        meterOf: () => null,
        checkFormattable: () => Promise.resolve(),
        format: async (path, label): Promise<Disk> => {
          const old = this.slots.get(path);
          if (old === undefined) throw new HoldfastError('missing', `${path} is not there`, { code: 'disk-missing' });
          if (this.#labels.has(path)) throw new HoldfastError('conflict', `${path} is labelled`, { code: 'disk-labelled' });
          const disk = this.#newDisk(path, label.disk);
          this.slots.set(path, disk);
          await writeLabel(disk, { volume: label.volume, disk: label.disk, name: label.volumeName, created: { sec: 1, nsec: 0 }, generation: 0, durableLsn: NO_LSN });
          this.#labels.set(path, { volume: asVolumeId(label.volume), disk: label.disk });
          return this.wrapDisk(disk);
        },
        removeFolders: () => Promise.resolve(),
        devices: (path) => Promise.resolve([path]),
      },
    };
  }

  /** kill -9: the kernel keeps what was written; the live database stays as last committed. */
  kill(): void {
    this.scheduler.clear();
    this.#moveState();
    for (const [path, disk] of this.slots) this.slots.set(path, disk.crash(this.random, 'process'));
  }

  /** The disks as whoever comes next opens them. */
  reopen(): Iterable<MemoryDisk> {
    for (const [path, disk] of this.slots) this.slots.set(path, disk.crash(this.random, 'process'));
    return this.slots.values();
  }

  /** Power loss: un-synced data is lost, torn or kept, as the seed decides. */
  losePower(): void {
    this.#boot++;
    this.scheduler.clear();
    this.#moveState();
    for (const [path, disk] of this.slots) this.slots.set(path, disk.crash(this.random, 'power'));
  }

  #moveState(): void {
    const old = this.stateDir;
    this.#ends++;
    if (existsSync(old)) cpSync(old, this.stateDir, { recursive: true, filter: (path) => !path.endsWith('-shm') });
    this.#settings = { ...this.#settings, stateDir: this.stateDir, controlSocketPath: `${this.stateDir}/control.sock` };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #newDisk(path: string, id = `empty-${path}`): MemoryDisk {
    return new MemoryDisk({ id: asDiskId(id), path, capacityBytes: this.#diskBytes, schedule: this.scheduler.defer });
  }
}

/** The service outlives its clients: closing is theirs. */
function openForever(store: MemoryObjectStore): ObjectStore {
  return {
    description: store.description,
    put: (key, buffers, options) => store.put(key, buffers, options),
    get: (key, range) => store.get(key, range),
    head: (key) => store.head(key),
    list: (prefix, startAfter) => store.list(prefix, startAfter),
    delete: (keys) => store.delete(keys),
    close: () => Promise.resolve(),
  };
}
