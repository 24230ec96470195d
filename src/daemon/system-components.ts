// The real parts: volume on real disks, FUSE session with the POSIX layer on top. Loading this loads everything.
import { createFileSystem } from '../filesystem/filesystem.js';
import type { FileSystemOptions } from '../filesystem/options.js';
import { isInGroup } from '../fuse/caller-state.js';
import { mountWith } from '../fuse/driver.js';
import { checkOpen } from '../recovery/check.js';
import { rebuildMounted } from '../recovery/rebuild.js';
import { MountedVolume } from '../volume/mounted-volume.js';
import { openVolume } from '../volume/open.js';
import { assert } from '../base/assert.js';
import type { Components } from './components.js';
import { accessTimesOf } from './mount-options.js';
import { forgetNote, noteForUmount } from './umount-note.js';

export const systemComponents: Components = {
  openVolume,

  async mount(volume, settings, mountPoint, reference, logger) {
    const { allowOther, writeback } = settings.mount;
    let accessTimes = accessTimesOf(settings.mount);
    const fileSystemOptions: FileSystemOptions = {
      // A remount may change them.
      get atime() {
        return accessTimes.atime;
      },
      get nodiratime() {
        return accessTimes.nodiratime;
      },
      kernelTimes: writeback,
      applyUmask: true,
      inGroup: isInGroup,
    };
    const session = await mountWith(settings.driver, {
      fileSystem: createFileSystem(volume, fileSystemOptions),
      mountPoint,
      name: reference,
      allowOther,
      writeback,
      flags: [...(volume.readOnly ? ['ro'] : []), ...(settings.mount.noatime ? ['noatime'] : []), ...settings.mount.options],
      clock: volume.clock,
      logger,
      // A bug: what is in memory cannot be trusted any more. The last-resort handler ends the process; what was fsynced is safe.
      onFatal: (error) => {
        queueMicrotask(() => {
          throw error;
        });
      },
    });
    await noteForUmount(`holdfast:${reference}`, mountPoint, logger);
    return {
      // Before the volume is let go: the next mount at this place makes a note of its own.
      ended: session.ended.then(() => forgetNote(mountPoint, logger)),
      // A detached mount lives on for as long as somebody has a file open there: they are cut off, or nothing would ever end.
      unmount: (lazy) => (lazy ? session.cutOff() : session.unmount({ lazy })),
      detach: () => session.unmount({ lazy: true }),
      elsewhere: () => session.elsewhere(),
      async remount(mount) {
        // What is not said about access times stays as it is, so both are said.
        await session.remount([...(mount.readOnly ? ['ro'] : []), mount.noatime ? 'noatime' : 'relatime', ...mount.options]);
        accessTimes = accessTimesOf(mount);
      },
    };
  },

  rebuild(volume, request, progress) {
    assert(volume instanceof MountedVolume, 'openVolume gives mounted volumes');
    return rebuildMounted(volume, request, progress);
  },

  async check(volume, options) {
    assert(volume instanceof MountedVolume, 'openVolume gives mounted volumes');
    return (await checkOpen(volume, options)).findings;
  },
};
