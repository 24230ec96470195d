// One local disk: a directory held open, and the threads that work on it. Every path is relative to it, is walked
// component by component without following symbolic links, and so never leaves the filesystem that was opened.
//
// Three lanes keep work apart: the log (one thread: order, and nothing bulky in front of a sync), reads, and
// everything that makes or removes files.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lane.h"

typedef struct hf_disk hf_disk;
typedef struct hf_log hf_log;

typedef enum {
  HF_OPEN,        // path: absolute or relative to the process, of the disk itself -> place
  HF_CREATE,      // path, buffers
  HF_REPLACE,     // path, buffers
  HF_OPEN_LOG,    // path, bytes -> log
  HF_LOG_WRITE,   // log, offset, buffers, durably (HF_LOG_SYNC follows)
  HF_LOG_SYNC,    // log
  HF_LOG_CLOSE,   // log
  HF_READ,        // path, offset, buffers[0]
  HF_READ_ALL,    // path, bytes (at most) -> data, bytes
  HF_READ_CELLS,  // path, cells, buffers[0] -> bad, bad_count
  HF_REMOVE,      // path
  HF_LIST,        // path -> data (names, each ended by NUL), bytes
  HF_SIZE,        // path -> bytes; ENOENT when there is none
  HF_NEXT_DATA,   // path, bytes (where to begin) -> has_data, bytes (where it is)
  HF_UNCACHE,     // path
  HF_SPACE,       // -> bytes (total), free_bytes, free_files
} hf_disk_operation;

typedef struct {
  uint64_t table_offset;
  uint64_t data_offset;
  uint32_t first_cell;
  uint32_t cell_count;
  uint32_t seed;
} hf_cell_read;

// Where the directory of a disk is. A mount point's device differs from its parent's.
typedef struct {
  uint64_t device;
  uint64_t inode;
  uint64_t parent_device;
} hf_place;

// Errors of our own beside errno: values above every errno.
#define HF_SHORT_READ 10001   // the file ends before the asked range does
#define HF_TOO_BIG 10002      // the file is longer than the asked maximum
#define HF_LOG_ABANDONED 10003  // a sync of this log failed before

typedef struct {
  hf_job job;
  hf_disk *disk;
  hf_disk_operation operation;
  char *path;
  struct iovec *buffers;
  int buffer_count;
  uint64_t offset;
  uint64_t bytes;
  uint64_t free_bytes;
  uint64_t free_files;
  bool has_data;
  hf_log *log;
  bool durably;
  hf_place place;
  hf_cell_read cells;
  uint32_t *bad;
  uint32_t bad_count;
  uint8_t *data;
  int error;         // 0: done
  const char *step;  // the system call that failed
} hf_disk_job;

typedef struct {
  uint64_t bytes_written;
  uint64_t bytes_read;
  uint64_t syncs;
  uint64_t errors;
} hf_disk_counters;

#ifdef __cplusplus
extern "C" {
#endif

// Starts the threads; the first job must be HF_OPEN and must be finished before others are submitted.
hf_disk *hf_disk_start(hf_completions *);
// `job` is zeroed except for what its operation needs; path, buffers, bad and data are malloc'ed and stay the caller's.
void hf_disk_submit(hf_disk *, hf_disk_job *);
// On the caller's thread, without waiting: true when the cells are in the kernel's memory, are read, and are right. False says
// nothing: HF_READ_CELLS tells. At most HF_CELLS_NOW_MAX cells of a file that was read before.
#define HF_CELLS_NOW_MAX 16
bool hf_disk_read_cells_now(hf_disk *, const char *path, const hf_cell_read *, uint8_t *into);
hf_disk_counters hf_disk_count(const hf_disk *);
// Waits for the jobs that run, ends the threads, closes all files. Gives the jobs that were never started.
hf_job *hf_disk_stop(hf_disk *);

#ifdef __cplusplus
}
#endif
