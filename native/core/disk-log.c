// Logs: preallocated files that are written at aligned places and synced by their one owner.
// Aligned memory goes past the page cache, everything else through it; both see the same file.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk-internal.h"

struct hf_log {
  hf_log *next;
  int file;
  int direct;   // same file by O_DIRECT; -1 where the filesystem has none
  bool failed;  // a sync failed: the kernel has dropped the dirty pages, a second sync would lie
};

// Space for the whole log now, so that a later write cannot meet a full disk.
static int reserve(hf_disk_job *job, int file) {
  struct stat about;
  if (fstat(file, &about) != 0) return hf_fail(job, "fstat", errno);
  if ((uint64_t)about.st_size < job->bytes) {
    if (fallocate(file, 0, 0, (off_t)job->bytes) != 0) {
      if (errno != EOPNOTSUPP) return hf_fail(job, "fallocate", errno);
      if (ftruncate(file, (off_t)job->bytes) != 0) return hf_fail(job, "ftruncate", errno);
    }
  }
  if (fsync(file) != 0) return hf_fail(job, "fsync", errno);
  atomic_fetch_add(&job->disk->syncs, 1);
  return 0;
}

static int open_log(hf_disk_job *job, int parent, const char *name, hf_log *log) {
  int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
  log->direct = -1;
  log->file = openat(parent, name, flags | O_CREAT | O_EXCL, 0600);
  bool made = log->file >= 0;
  if (!made && errno == EEXIST) log->file = openat(parent, name, flags);
  if (log->file < 0) return hf_fail(job, "open", errno);
  if (reserve(job, log->file) != 0 || hf_sync_directory(job, parent) != 0) {
    close(log->file);
    if (made) unlinkat(parent, name, 0);
    return -1;
  }
  log->direct = openat(parent, name, flags | O_DIRECT);
  return 0;
}

void hf_run_open_log(hf_disk_job *job) {
  const char *name;
  hf_log *log = calloc(1, sizeof *log);
  if (log == NULL) {
    hf_fail(job, "malloc", ENOMEM);
    return;
  }
  int parent = hf_open_parent(job, job->path, true, &name);
  int result = parent < 0 ? -1 : open_log(job, parent, name, log);
  if (parent >= 0) close(parent);
  if (result != 0) {
    free(log);
    return;
  }
  pthread_mutex_lock(&job->disk->logs_lock);
  log->next = job->disk->logs;
  job->disk->logs = log;
  pthread_mutex_unlock(&job->disk->logs_lock);
  job->log = log;
}

static void write_log(hf_disk_job *job) {
  hf_log *log = job->log;
  if (log->failed) {
    hf_fail(job, "pwritev", HF_LOG_ABANDONED);
    return;
  }
  bool direct = log->direct >= 0 && hf_aligned(job->offset, job->buffers, job->buffer_count);
  if (direct && hf_write_all(job, log->direct, job->offset, job->buffers, job->buffer_count) == 0) return;
  if (direct && job->error != EINVAL) return;
  // Never direct, or the device wants a coarser alignment than ours: from here on through the page cache.
  if (direct) {
    close(log->direct);
    log->direct = -1;
    job->error = 0;
  }
  hf_write_all(job, log->file, job->offset, job->buffers, job->buffer_count);
}

void hf_run_log_write(hf_disk_job *job) {
  write_log(job);
  if (job->durably && job->error == 0) hf_run_log_sync(job);
}

void hf_run_log_sync(hf_disk_job *job) {
  hf_log *log = job->log;
  if (log->failed) {
    hf_fail(job, "fdatasync", HF_LOG_ABANDONED);
    return;
  }
  if (fdatasync(log->file) != 0) {
    log->failed = true;
    hf_fail(job, "fdatasync", errno);
    return;
  }
  atomic_fetch_add(&job->disk->syncs, 1);
}

static void close_log(hf_log *log) {
  close(log->file);
  if (log->direct >= 0) close(log->direct);
  free(log);
}

void hf_run_log_close(hf_disk_job *job) {
  pthread_mutex_lock(&job->disk->logs_lock);
  hf_log **link = &job->disk->logs;
  while (*link != job->log) link = &(*link)->next;
  *link = job->log->next;
  pthread_mutex_unlock(&job->disk->logs_lock);
  close_log(job->log);
}

void hf_close_logs(hf_disk *disk) {
  while (disk->logs != NULL) {
    hf_log *next = disk->logs->next;
    close_log(disk->logs);
    disk->logs = next;
  }
}
