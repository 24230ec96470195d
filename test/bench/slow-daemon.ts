// The daemon of the profile slow-disks: the real one, on disks whose syncs take 10 ms, as those of hard disks do.
// `node slow-daemon.js CONFIG_FILE MOUNT_POINT`, in the foreground.
import type { VolumeId } from '../../src/base/ids.js';
import { runDaemon } from '../../src/daemon/run.js';
import { systemComponents } from '../../src/daemon/system-components.js';
import type { Disk } from '../../src/disk/disk.js';
import type { DiskMeter } from '../../src/disk/disk-meter.js';
import { SlowDisk } from '../../src/disk/slow-disk.js';
import { localPorts, type SystemIo } from '../../src/volume/local-ports.js';
import { openVolumeWith } from '../../src/volume/open.js';
import type { DiskLabelRequest, DiskProvider, LabelledDisk } from '../../src/volume/ports.js';

const syncMs = 10;

class SlowDisks implements DiskProvider {
  readonly #inner: DiskProvider;
  readonly #io: SystemIo;
  readonly #wrapped = new WeakMap<Disk, Disk>();

  constructor(inner: DiskProvider, io: SystemIo) {
    this.#inner = inner;
    this.#io = io;
  }

  async open(path: string, volume: VolumeId | null): Promise<LabelledDisk> {
    const opened = await this.#inner.open(path, volume);
    return { ...opened, disk: this.#slow(opened.disk) };
  }

  meterOf(disk: Disk): DiskMeter | null {
    return this.#inner.meterOf(this.#wrapped.get(disk) ?? disk);
  }

  probe(disk: Disk): Promise<void> {
    return this.#inner.probe(this.#wrapped.get(disk) ?? disk);
  }

  checkFormattable(path: string): Promise<void> {
    return this.#inner.checkFormattable(path);
  }

  async format(path: string, request: DiskLabelRequest): Promise<Disk> {
    return this.#slow(await this.#inner.format(path, request));
  }

  removeFolders(disk: Disk, folders: readonly string[]): Promise<void> {
    return this.#inner.removeFolders(this.#wrapped.get(disk) ?? disk, folders);
  }

  devices(path: string): Promise<readonly string[]> {
    return this.#inner.devices(path);
  }

  #slow(disk: Disk): Disk {
    const slow = new SlowDisk(disk, this.#io.clock, syncMs);
    this.#wrapped.set(slow, disk);
    return slow;
  }
}

const [configPath = '', mountPoint = ''] = process.argv.slice(2);
const components = {
  ...systemComponents,
  openVolume: (settings: Parameters<typeof systemComponents.openVolume>[0], io: SystemIo) => {
    const ports = localPorts(io);
    return openVolumeWith(settings, { ...ports, disks: new SlowDisks(ports.disks, io) });
  },
};
// Before the mount nothing but the delays may be under way, and those keep no process alive.
setInterval(() => undefined, 60_000);
await runDaemon({ configPath, reference: 'bench', mountPoint, choices: { options: [], readOnly: false }, foreground: true }, components, () => undefined);
process.exit(0);
