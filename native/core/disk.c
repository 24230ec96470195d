// Starting, stopping and handing jobs to the lane they belong to.
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk-internal.h"

// Reads: enough to keep a disk's own queue busy. Writes are long and sequential: two overlap computing and syncing.
static const int log_threads = 1;
static const int read_threads = 4;
static const int write_threads = 2;

int hf_fail(hf_disk_job *job, const char *step, int error) {
  job->error = error;
  job->step = step;
  return -1;
}

static void run_open(hf_disk_job *job) {
  struct stat about, parent;
  int root = open(job->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) {
    hf_fail(job, "open", errno);
    return;
  }
  // ".." of a mount point's root is the directory beneath which it is mounted.
  if (fstat(root, &about) != 0 || fstatat(root, "..", &parent, 0) != 0) {
    hf_fail(job, "stat", errno);
    close(root);
    return;
  }
  job->place = (hf_place){.device = about.st_dev, .inode = about.st_ino, .parent_device = parent.st_dev};
  job->disk->root = root;
}

static void run_operation(hf_disk_job *job) {
  switch (job->operation) {
    case HF_OPEN: run_open(job); break;
    case HF_CREATE: hf_run_create(job); break;
    case HF_REPLACE: hf_run_replace(job); break;
    case HF_OPEN_LOG: hf_run_open_log(job); break;
    case HF_LOG_WRITE: hf_run_log_write(job); break;
    case HF_LOG_SYNC: hf_run_log_sync(job); break;
    case HF_LOG_CLOSE: hf_run_log_close(job); break;
    case HF_READ: hf_run_read(job); break;
    case HF_READ_ALL: hf_run_read_all(job); break;
    case HF_READ_CELLS: hf_run_read_cells(job); break;
    case HF_REMOVE: hf_run_remove(job); break;
    case HF_LIST: hf_run_list(job); break;
    case HF_SIZE: hf_run_size(job); break;
    case HF_NEXT_DATA: hf_run_next_data(job); break;
    case HF_UNCACHE: hf_run_uncache(job); break;
    case HF_SPACE: hf_run_space(job); break;
  }
}

static void run(hf_job *base) {
  hf_disk_job *job = (hf_disk_job *)base; // its first member
  if (job->disk->root < 0 && job->operation != HF_OPEN)
    hf_fail(job, "open", EBADF);
  else
    run_operation(job);
  // The next attempt may find what is given back here.
  bool starved = job->error == EMFILE || job->error == ENFILE;
  if (starved) hf_fd_cache_empty(job->disk->cache);
  // Questions that were answered with no are not errors of the disk, and neither is a process without descriptors.
  bool failed = job->error != 0 && job->error < HF_SHORT_READ && job->error != ENOENT && job->error != EEXIST && !starved;
  if (failed) atomic_fetch_add(&job->disk->errors, 1);
}

static hf_lane *lane_of(hf_disk *disk, hf_disk_operation operation) {
  switch (operation) {
    case HF_LOG_WRITE:
    case HF_LOG_SYNC:
    case HF_LOG_CLOSE: return disk->log_lane;
    case HF_CREATE:
    case HF_REPLACE:
    case HF_OPEN_LOG:
    case HF_REMOVE: return disk->write_lane;
    default: return disk->read_lane;
  }
}

hf_disk *hf_disk_start(hf_completions *completions) {
  hf_disk *disk = calloc(1, sizeof *disk);
  if (disk == NULL) return NULL;
  disk->root = -1;
  pthread_mutex_init(&disk->directories, NULL);
  pthread_mutex_init(&disk->replacing, NULL);
  pthread_mutex_init(&disk->logs_lock, NULL);
  disk->cache = hf_fd_cache_make();
  if (disk->cache != NULL) disk->log_lane = hf_lane_start(log_threads, "holdfast-log", completions);
  if (disk->log_lane != NULL) disk->read_lane = hf_lane_start(read_threads, "holdfast-read", completions);
  if (disk->read_lane != NULL) disk->write_lane = hf_lane_start(write_threads, "holdfast-write", completions);
  if (disk->write_lane != NULL) return disk;
  hf_disk_stop(disk);
  return NULL;
}

void hf_disk_submit(hf_disk *disk, hf_disk_job *job) {
  job->disk = disk;
  job->job.run = run;
  hf_lane_submit(lane_of(disk, job->operation), &job->job);
}

hf_disk_counters hf_disk_count(const hf_disk *disk) {
  return (hf_disk_counters){
      .bytes_written = atomic_load(&disk->bytes_written),
      .bytes_read = atomic_load(&disk->bytes_read),
      .syncs = atomic_load(&disk->syncs),
      .errors = atomic_load(&disk->errors),
  };
}

static hf_job *stop_lane(hf_lane *lane, hf_job *left) {
  if (lane == NULL) return left;
  hf_job *first = hf_lane_stop(lane);
  if (first == NULL) return left;
  hf_job *last = first;
  while (last->next != NULL) last = last->next;
  last->next = left;
  return first;
}

hf_job *hf_disk_stop(hf_disk *disk) {
  hf_job *left = stop_lane(disk->write_lane, NULL);
  left = stop_lane(disk->read_lane, left);
  left = stop_lane(disk->log_lane, left);
  hf_close_logs(disk);
  if (disk->cache != NULL) hf_fd_cache_destroy(disk->cache);
  hf_forget_directories(disk);
  if (disk->root >= 0) close(disk->root);
  pthread_mutex_destroy(&disk->directories);
  pthread_mutex_destroy(&disk->replacing);
  pthread_mutex_destroy(&disk->logs_lock);
  free(disk);
  return left;
}
