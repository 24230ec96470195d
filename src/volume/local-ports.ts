// The real outside world: disks with native threads, the compute threads of the addon, stores by URL.
import { statfs } from 'node:fs/promises';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Random } from '../base/random.js';
import { ThreadedCodec } from '../native/threaded-codec.js';
import { openObjectStore } from '../objectstore/open-object-store.js';
import { LocalDisks } from './local-disks.js';
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
    disks: new LocalDisks(io.clock, io.logger),
    stateSpace: async (stateDir) => {
      const { bsize, blocks, bavail } = await statfs(stateDir);
      return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
    },
    openStore: (backup) => openObjectStore(backup.url, backup, io),
    inlineImages: false,
  };
}
