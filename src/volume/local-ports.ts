// The real outside world: disks with native threads, the compute threads of the addon, stores by URL.
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Random } from '../base/random.js';
import type { BackupSettings } from '../config/settings.js';
import { ThreadedCodec } from '../native/threaded-codec.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import { openObjectStore } from '../objectstore/open-object-store.js';
import { LocalDisks } from './local-disks.js';
import { LazyObjectStore } from './lazy-object-store.js';
import type { VolumePorts } from './ports.js';

export interface SystemIo {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

export function localPorts(io: SystemIo): VolumePorts {
  return {
    ...io,
    codec: new ThreadedCodec(),
    disks: new LocalDisks(io.clock),
    openStore: (backup, create) => storeOf(backup, create, io),
    inlineImages: false,
  };
}

async function storeOf(backup: BackupSettings, create: boolean, io: SystemIo): Promise<ObjectStore> {
  const { url } = backup;
  const settings = {
    endpoint: backup.endpoint ?? undefined,
    region: backup.region ?? undefined,
    pathStyle: backup.pathStyle,
    profile: backup.profile ?? undefined,
    create,
  };
  if (create) return openObjectStore(url, settings, io);
  return new LazyObjectStore(url, () => openObjectStore(url, settings, io));
}
