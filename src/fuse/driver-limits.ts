// What a driver cannot do, in one line, for whoever mounts with it. null: nothing that another one could.
import type { FuseDriver } from '../config/settings.js';

export const driverLimits: Readonly<Record<FuseDriver, string | null>> = {
  'event-loop': null,
  'fuse-native':
    'the driver fuse-native does not see who calls: new files belong to whoever mounted, without setuid and setgid. It applies no access control lists. It has no fallocate, SEEK_DATA and SEEK_HOLE, ' +
    'copy_file_range, renameat2 flags, O_TMPFILE, birth times, readdirplus or cache invalidation; only names in UTF-8 (others: EILSEQ); a file deleted while open stays as .fuse_hidden... until its last close; requests of at most 128 KiB',
};
