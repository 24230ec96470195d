// A mounted volume with everything around it: lock, volume, kernel mount, triggers, configuration watch, control socket.
// Holds always: whoever ends it (umount, SIGTERM, `holdfast umount`, the kernel), every answered change is durable before the
// lock is released. stop() may fail with mount-busy and then nothing has changed.
import { within } from '../base/clock.js';
import { HoldfastError, messageOf } from '../base/errors.js';
import { physicalParents } from '../disk/device.js';
import type { MountSettings, VolumeSettings } from '../config/settings.js';
import type { RebuildReport, RebuildRequest, RecoveryProgress } from '../recovery/contract.js';
import type { OpenVolume, VolumeStatus } from '../volume/status.js';
import type { Components, KernelMount, SystemIo } from './components.js';
import { ConfigWatch } from './config-watch.js';
import { controlMethods } from './control-methods.js';
import { ControlServer } from './control-server.js';
import { DiskChanges } from './disk-changes.js';
import { EventLoopDelay } from './event-loop-delay.js';
import { Hooks, type HookStatus } from './hooks.js';
import { checkMountPoint, clearDeadMount } from './mount-point.js';
import { SmartWatch } from './smart-watch.js';
import { type LastFlush, Triggers } from './triggers.js';
import { VolumeLock } from './volume-lock.js';

export interface ServeRequest {
  readonly settings: VolumeSettings;
  /** What the volume is called on the command line: NAME or the path of its file. */
  readonly reference: string;
  readonly mountPoint: string;
  /** Reads the configuration anew, with the command line's own changes applied. */
  readonly readSettings: () => VolumeSettings;
}

/** What `holdfast status` shows of a mounted volume. */
export interface DaemonStatus extends VolumeStatus {
  readonly name: string;
  readonly pid: number;
  readonly mountpoint: string;
  readonly readOnly: boolean;
  readonly configPath: string | null;
  readonly uptimeSeconds: number;
  readonly due: readonly string[];
  readonly flushing: boolean;
  readonly lastFlush: LastFlush | null;
  /** Of the configured ones. */
  readonly hooks: readonly HookStatus[];
  /** What the user should do or know: configuration that waits for a remount, ... */
  readonly reminders: readonly string[];
}

/** So long the kernel may take to tell the end of a mount that nobody has any more. */
const mountEndMs = 5_000;
const placesShown = 5;

export class ServedVolume {
  readonly volume: OpenVolume;
  readonly triggers: Triggers;
  readonly disks: DiskChanges;
  readonly hooks: Hooks;
  readonly components: Components;
  readonly loopDelay = new EventLoopDelay();
  readonly #request: ServeRequest;
  readonly #io: SystemIo;
  readonly #lock: VolumeLock;
  readonly #mount: KernelMount;
  readonly #watch: ConfigWatch;
  readonly #smart: SmartWatch;
  readonly #startedMs: number;
  #control: ControlServer | null = null;
  #stopping: Promise<void> | null = null;
  #unmounted = false;
  /** Why the mount is alive without its name. */
  #detached: string | null = null;
  readonly #ended: Promise<void>;
  #end: () => void = () => {};
  #endFailed: (error: unknown) => void = () => {};

  private constructor(request: ServeRequest, io: SystemIo, components: Components, lock: VolumeLock, volume: OpenVolume, mount: KernelMount) {
    this.#request = request;
    this.#io = io;
    this.components = components;
    this.#lock = lock;
    this.volume = volume;
    this.#mount = mount;
    this.#startedMs = io.clock.monotonicMs();
    this.#watch = new ConfigWatch(request.settings, { read: request.readSettings, apply: (thresholds) => volume.reconfigure(thresholds) }, io.logger);
    this.disks = new DiskChanges({ volume, lock, mountPoint: request.mountPoint, settings: () => this.#watch.current, listed: (disks) => this.#watch.listed(disks) });
    this.triggers = new Triggers(volume, () => this.#watch.current.flush, io.logger);
    const { clock, logger } = io;
    const places = (): readonly string[] => [...this.#watch.current.disks, ...this.#watch.current.journal.disks].map(({ path }) => path);
    this.#smart = new SmartWatch({ disks: places, devicesOf: physicalParents, suspect: (path, reason) => volume.suspect(path, 'smart', reason), stateDir: request.settings.stateDir, clock, logger });
    this.hooks = new Hooks({ volume: request.settings.name, mountPoint: request.mountPoint }, () => this.#watch.current.hooks, io.clock, io.logger);
    this.#ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#endFailed = reject;
    });
  }

  /** Resolves when the mount answers and the control socket listens. On failure nothing is left behind. */
  static async start(request: ServeRequest, io: SystemIo, components: Components): Promise<ServedVolume> {
    const { settings } = request;
    const mountPoint = checkMountPoint(request.mountPoint, settings);
    const lock = VolumeLock.acquire(settings, 'mount', mountPoint);
    let volume: OpenVolume | null = null;
    let mount: KernelMount | null = null;
    try {
      if (clearDeadMount(mountPoint)) {
        io.logger.warn({ mountPoint }, 'a mount whose daemon was gone has been taken away');
        checkMountPoint(mountPoint, settings);
      }
      volume = await components.openVolume(settings, io);
      mount = await components.mount(volume, settings, mountPoint, request.reference, io.logger);
      const served = new ServedVolume({ ...request, mountPoint }, io, components, lock, volume, mount);
      await served.#begin();
      return served;
    } catch (error) {
      await mount?.unmount(true);
      await volume?.close();
      lock.release();
      throw error;
    }
  }

  /** Resolves when the volume is closed, durable and let go; rejects when it could not be closed well. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get mountPoint(): string {
    return this.#request.mountPoint;
  }

  async status(): Promise<DaemonStatus> {
    const status = await this.volume.status();
    return {
      name: this.#request.settings.name,
      pid: process.pid,
      ...status,
      state: this.#stopping === null ? status.state : 'stopping',
      mountpoint: this.#request.mountPoint,
      readOnly: this.volume.readOnly,
      configPath: this.#request.settings.configPath,
      uptimeSeconds: Math.floor((this.#io.clock.monotonicMs() - this.#startedMs) / 1000),
      due: this.triggers.due(),
      flushing: this.triggers.flushing,
      lastFlush: this.triggers.last,
      hooks: this.hooks.status(),
      reminders: [...(this.#detached === null ? [] : [this.#detached]), ...this.#watch.reminders],
    };
  }

  /**
   * Unmounts and makes everything durable; resolves then. 'conflict' (mount-busy) leaves it serving.
   * `lazy`: programs that still use the mount lose it. A second call waits for the first.
   */
  stop(reason: string, lazy: boolean): Promise<void> {
    this.#stopping ??= this.#stop(reason, lazy).catch((error: unknown) => {
      if (!this.#unmounted) this.#stopping = null;
      throw error;
    });
    return this.#stopping;
  }

  /**
   * `umount -l`: the name is gone when this resolves, and what was answered is durable. Who has files open keeps them; the volume
   * is closed when the last one is. Gives true when that has happened already.
   */
  async detach(): Promise<boolean> {
    await this.#mount.detach();
    this.#detached = 'detached by a lazy unmount: it is closed when the last open file is; holdfast umount --lazy cuts them off';
    this.#io.logger.info({}, 'detached; the volume is closed when the last file is');
    try {
      await this.volume.sync();
    } catch (error) {
      // Nobody was inside, and the close that the end of the mount began has overtaken us: it says whether all is well.
      if (this.#stopping === null) throw error;
    }
    await this.#stopping;
    return this.#stopping !== null;
  }

  async rebuild(request: RebuildRequest, progress: RecoveryProgress): Promise<RebuildReport> {
    const report = await this.components.rebuild(this.volume, request, progress);
    if (!request.dryRun) for (const pair of request.replace) this.#watch.replaced(pair.old, pair.new);
    return report;
  }

  /** `mount -o remount,...`: all options of the mount as they shall be. Read-only: resolves when everything is durable and nothing is left to replay. */
  async remount(mount: MountSettings): Promise<void> {
    if (this.#stopping !== null) throw new HoldfastError('conflict', 'the volume is being unmounted', { code: 'volume-busy' });
    const before = this.volume.readOnly;
    // To read-only the kernel goes first, which knows who writes; back from it, we do.
    if (!mount.readOnly) this.volume.setReadOnly(false);
    try {
      await this.#mount.remount(mount);
    } catch (error) {
      this.volume.setReadOnly(before);
      throw error;
    }
    this.volume.setReadOnly(mount.readOnly);
    if (mount.readOnly) await this.volume.settle();
    this.#io.logger.info({ readOnly: mount.readOnly }, 'remounted');
  }

  async #begin(): Promise<void> {
    this.#control = await ControlServer.listen(this.#request.settings.controlSocketPath, controlMethods(this), this.#io.logger);
    await this.#watch.start();
    this.disks.resume(this.#io.logger);
    this.triggers.start();
    this.#smart.start();
    this.volume.onNotice((notice) => this.hooks.tell(notice));
    this.#io.logger.info({ mountPoint: this.mountPoint }, 'mounted');
    // A failure of this stop reaches `ended` as well, where the process's owner sees it.
    this.#mount.ended.then(() => this.stop('the kernel ended the mount', true)).catch((error: unknown) => this.#endFailed(error));
  }

  async #stop(reason: string, lazy: boolean): Promise<void> {
    await this.#mount.unmount(lazy);
    this.#io.logger.info({ reason }, 'unmounted');
    await this.#endOfMount();
    // From here on there is no way back: nobody can reach the files any more.
    this.#unmounted = true;
    try {
      await this.#watch.stop();
      await this.#smart.stop();
      await this.triggers.stop();
      await this.#flushAtUnmount();
    } finally {
      await this.#letGo();
    }
  }

  /** Where the mount was copied to (a bind mount, a mount namespace of somebody's own) it lives on, and files are changed there. */
  async #endOfMount(): Promise<void> {
    const { clock, logger } = this.#io;
    const over = this.#mount.ended.then(() => true);
    if (await within(clock, mountEndMs, over, false)) return;
    const places = await this.#mount.elsewhere();
    this.#detached = 'unmounted, but a bind mount or another mount namespace still has the mount: it is closed when it ends there; holdfast umount --lazy cuts it off';
    logger.warn({ places }, 'unmounted here, but the mount goes on elsewhere');
    await this.volume.sync();
    throw new HoldfastError('conflict', `${this.mountPoint} is unmounted, but the mount goes on elsewhere${places.length === 0 ? '' : `: ${places.slice(0, placesShown).join(', ')}`}`, {
      code: 'mount-elsewhere',
      hint: 'What was written is durable. The volume is closed when it ends there as well; `holdfast umount NAME --lazy` cuts it off.',
      context: { places: places.join(', ') },
    });
  }

  /** The backup may be away; closing goes on, and the backlog stays under the second redundancy. */
  async #flushAtUnmount(): Promise<void> {
    if (!this.#watch.current.flush.atUnmount || this.volume.backlog().deltas === 0) return;
    try {
      await this.triggers.flush('at unmount');
    } catch (error) {
      this.#io.logger.warn({ error: messageOf(error) }, 'the flush at unmount failed; what it should have moved stays under the second redundancy');
    }
  }

  async #letGo(): Promise<void> {
    try {
      await this.volume.close();
      // Durable from here: every change that was answered.
      this.#io.logger.info({}, 'closed; everything is durable');
      this.#control?.stopListening();
      this.#lock.release();
    } catch (error) {
      this.#control?.stopListening();
      this.#lock.release();
      this.#finish(error);
      throw new HoldfastError('unavailable', `the volume could not be closed well: ${messageOf(error)}`, {
        code: 'close-failed',
        hint: 'what was fsynced is durable; the next mount recovers the rest as far as it reached the disks',
        cause: error,
      });
    }
    this.#finish(null);
  }

  /** The control socket closes only when its last answer is out (the one to `stop` is under way right now). */
  #finish(error: unknown): void {
    this.loopDelay.stop();
    const closed = this.#control?.close() ?? Promise.resolve();
    // What was told last, while the volume is durable and let go already: it is held up by nobody.
    Promise.all([closed, this.hooks.stop()]).then(() => (error === null ? this.#end() : this.#endFailed(error))).catch((closeError: unknown) => this.#endFailed(closeError));
  }
}
