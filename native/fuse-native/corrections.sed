# fuse-native 2.2.6 as it is published, but for these lines. `make build` applies them to a copy of its source and fails unless
# each one finds its place (correct counts the marks). Why each: docs/decisions/second-driver.md.

# Calls of ours below.
s|^#include <pthread\.h>$|&\n#include "corrections.h" /* corrected */|

# Times: nanoseconds instead of milliseconds, years before 1970.
s|^  uint64_t ms = uint32s_to_uint64(ints);$|  unpack_time(uint32s_to_uint64(ints), ts); /* corrected */|
/^  ts->tv_sec = ms \/ 1000;$/d
/^  ts->tv_nsec = (ms % 1000) \* 1000000;$/d
s|^  uint64_t ms = (ts->tv_sec \* 1000) + (ts->tv_nsec / 1000000);$|  return pack_time(ts); /* corrected */|
/^  return ms;$/d

# utimens: the time of change was set to the time of access, and setting only one of them was dropped without a word.
s|^  l->atime = timespec_to_uint64(&tv\[0\]);$|  if (!time_fits(\&tv[0]) \|\| !time_fits(\&tv[1])) return -EOVERFLOW; /* corrected */\n&|
s|^  FUSE_UINT64_TO_INTS_ARGV(l->atime, 5)$|  FUSE_UINT64_TO_INTS_ARGV(l->mtime, 5) /* corrected */|
s|^  struct fuse_operations ops = { };$|&\n  ops.flag_utime_omit_ok = 1; /* corrected */|

# Inode numbers were cut to 32 bits.
s|^  stat->st_ino = \*ints++;$|  stat->st_ino = uint32s_to_uint64(\&ints); /* corrected */|

# Every thread that libfuse starts left its state behind.
s|^  pthread_key_create(&(thread_locals_key), NULL);.*$|  pthread_key_create(\&(thread_locals_key), give_state_back); /* corrected */|
s|^  // Need to lock the mutation of l->async\.$|  data = take_spare_state(); /* corrected */\n  if (data != NULL) {\n    pthread_setspecific(thread_locals_key, data);\n    return (fuse_thread_locals_t*) data;\n  }\n&|

# The end: the channel was used after it had been freed. Closing the device comes last, which is how the driver sees the end.
/^  fuse_unmount(ft->mnt, ft->ch);$/d
s|^  fuse_destroy(ft->fuse);$|&\n  fuse_unmount(ft->mnt, ft->ch); /* corrected */|
