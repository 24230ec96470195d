// Making, replacing and removing whole files. Large ones bypass the page cache (or are dropped from it): they are not
// read back soon, and dirty pages of ours must never be what the kernel waits for while it serves our own mount.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk-internal.h"
#include "memory.h"

// Below this a file goes through the page cache: the copy costs less than set-up of direct I/O.
static const uint64_t direct_from_bytes = 128 * 1024;
// Unaligned pieces are gathered in memory of this size on their way to a direct write.
static const size_t bounce_bytes = 1024 * 1024;

bool hf_aligned(uint64_t offset, const struct iovec *buffers, int count) {
  uint64_t bits = offset;
  for (int i = 0; i < count; i++) bits |= (uintptr_t)buffers[i].iov_base | buffers[i].iov_len;
  return bits % ALIGNMENT == 0;
}

int hf_write_all(hf_disk_job *job, int file, uint64_t offset, const struct iovec *buffers, int count) {
  struct iovec window[64];
  int at = 0;
  size_t skip = 0; // bytes of buffers[at] that are written
  while (at < count) {
    int n = 0;
    for (; n < 64 && at + n < count; n++) window[n] = buffers[at + n];
    window[0].iov_base = (char *)window[0].iov_base + skip;
    window[0].iov_len -= skip;
    ssize_t written = pwritev(file, window, n, (off_t)offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return hf_fail(job, "pwritev", errno);
    atomic_fetch_add(&job->disk->bytes_written, (unsigned long long)written);
    offset += (uint64_t)written;
    size_t left = (size_t)written;
    while (at < count && left >= buffers[at].iov_len - skip) {
      left -= buffers[at].iov_len - skip;
      skip = 0;
      at++;
    }
    skip += left;
    // A device that takes nothing without an error would keep us here for ever.
    if (written == 0 && at < count) return hf_fail(job, "pwritev", EIO);
  }
  return 0;
}

static int write_piece(hf_disk_job *job, int file, uint64_t *offset, void *at, size_t bytes) {
  struct iovec piece = {at, bytes};
  if (hf_write_all(job, file, *offset, &piece, 1) != 0) return -1;
  *offset += bytes;
  return 0;
}

// Gathers the buffers into aligned memory and writes that; the last piece is padded and the padding cut off again.
static int write_bounced(hf_disk_job *job, int file, uint64_t bytes) {
  uint8_t *bounce = hf_aligned_alloc(bounce_bytes);
  if (bounce == NULL) return hf_fail(job, "malloc", ENOMEM);
  uint64_t offset = 0;
  size_t filled = 0;
  int result = 0;
  for (int i = 0; i < job->buffer_count && result == 0; i++) {
    const uint8_t *from = job->buffers[i].iov_base;
    size_t left = job->buffers[i].iov_len;
    while (left > 0 && result == 0) {
      size_t take = left < bounce_bytes - filled ? left : bounce_bytes - filled;
      memcpy(bounce + filled, from, take);
      from += take;
      left -= take;
      filled += take;
      if (filled < bounce_bytes) continue;
      result = write_piece(job, file, &offset, bounce, bounce_bytes);
      filled = 0;
    }
  }
  if (result == 0 && filled > 0) {
    size_t padded = (filled + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(bounce + filled, 0, padded - filled);
    result = write_piece(job, file, &offset, bounce, padded);
    if (result == 0 && offset != bytes && ftruncate(file, (off_t)bytes) != 0)
      result = hf_fail(job, "ftruncate", errno);
  }
  hf_aligned_free(bounce, bounce_bytes);
  return result;
}

static int write_direct(hf_disk_job *job, int file, uint64_t bytes) {
  if (hf_aligned(0, job->buffers, job->buffer_count)) return hf_write_all(job, file, 0, job->buffers, job->buffer_count);
  return write_bounced(job, file, bytes);
}

static int set_direct(int file, bool on) {
  int flags = fcntl(file, F_GETFL);
  return flags < 0 ? -1 : fcntl(file, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

// Data and size are durable when this gives 0.
static int fill(hf_disk_job *job, int file) {
  uint64_t bytes = 0;
  for (int i = 0; i < job->buffer_count; i++) bytes += job->buffers[i].iov_len;
  // A full disk is found before anything is written.
  if (bytes > 0 && fallocate(file, 0, 0, (off_t)bytes) != 0 && errno != EOPNOTSUPP)
    return hf_fail(job, "fallocate", errno);
  bool direct = bytes >= direct_from_bytes && set_direct(file, true) == 0;
  if (direct && write_direct(job, file, bytes) != 0) {
    if (job->error != EINVAL) return -1;
    // The device wants a coarser alignment than ours.
    job->error = 0;
    direct = false;
    set_direct(file, false);
  }
  if (!direct && hf_write_all(job, file, 0, job->buffers, job->buffer_count) != 0) return -1;
  if (fdatasync(file) != 0) return hf_fail(job, "fdatasync", errno);
  atomic_fetch_add(&job->disk->syncs, 1);
  if (!direct && bytes >= direct_from_bytes) posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  return 0;
}

// A new file with the job's bytes, durable but for its directory entry; nothing is left of it on failure.
static int make_file(hf_disk_job *job, int parent, const char *name, int flags) {
  int file = openat(parent, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
  if (file < 0) return hf_fail(job, "open", errno);
  int result = fill(job, file);
  if (close(file) != 0 && result == 0) result = hf_fail(job, "close", errno);
  if (result != 0) unlinkat(parent, name, 0);
  return result;
}

void hf_run_create(hf_disk_job *job) {
  const char *name;
  int parent = hf_open_parent(job, job->path, true, &name);
  if (parent < 0) return;
  if (make_file(job, parent, name, O_EXCL) == 0 && hf_sync_directory(job, parent) != 0) unlinkat(parent, name, 0);
  if (job->error != 0) hf_fd_cache_invalidate(job->disk->cache, job->path);
  close(parent);
}

static void replace(hf_disk_job *job, int parent, const char *name) {
  char next[512];
  if (snprintf(next, sizeof next, "%s%s", name, REPLACING_SUFFIX) > NAME_MAX) {
    hf_fail(job, "open", ENAMETOOLONG);
    return;
  }
  // O_TRUNC: a crash may have left one.
  if (make_file(job, parent, next, O_TRUNC) != 0) return;
  if (renameat(parent, next, parent, name) != 0) {
    hf_fail(job, "rename", errno);
    unlinkat(parent, next, 0);
    return;
  }
  hf_fd_cache_invalidate(job->disk->cache, job->path);
  hf_sync_directory(job, parent);
}

void hf_run_replace(hf_disk_job *job) {
  const char *name;
  int parent = hf_open_parent(job, job->path, true, &name);
  if (parent < 0) return;
  pthread_mutex_lock(&job->disk->replacing);
  replace(job, parent, name);
  pthread_mutex_unlock(&job->disk->replacing);
  close(parent);
}

void hf_run_remove(hf_disk_job *job) {
  const char *name;
  int parent = hf_open_parent(job, job->path, false, &name);
  if (parent >= 0) {
    if (unlinkat(parent, name, 0) != 0) hf_fail(job, "unlink", errno);
    close(parent);
  }
  hf_fd_cache_invalidate(job->disk->cache, job->path);
  if (job->error == ENOENT) job->error = 0;
}
