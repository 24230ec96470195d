// Reading files, verified or not, and asking what is there.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "checksum.h"
#include "disk-internal.h"

// A held descriptor of the job's file, NULL after fail().
static hf_cached_fd *open_file(hf_disk_job *job) {
  hf_fd_cache *cache = job->disk->cache;
  uint64_t epoch;
  hf_cached_fd *entry = hf_fd_cache_get(cache, job->path, &epoch);
  if (entry != NULL) return entry;
  const char *name;
  int parent = hf_open_parent(job, job->path, false, &name);
  if (parent < 0) return NULL;
  int file = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) hf_fail(job, "open", errno);
  close(parent);
  if (file < 0) return NULL;
  entry = hf_fd_cache_put(cache, job->path, file, epoch);
  if (entry == NULL) {
    close(file);
    hf_fail(job, "malloc", ENOMEM);
  }
  return entry;
}

// Bytes read, fewer only at the end of the file; -1 after fail().
static ssize_t read_range(hf_disk_job *job, int file, uint64_t offset, void *into, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    ssize_t n = pread(file, (char *)into + done, bytes - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return hf_fail(job, "pread", errno);
    if (n == 0) break;
    done += (size_t)n;
  }
  atomic_fetch_add(&job->disk->bytes_read, done);
  return (ssize_t)done;
}

void hf_run_read(hf_disk_job *job) {
  hf_cached_fd *file = open_file(job);
  if (file == NULL) return;
  size_t bytes = job->buffers[0].iov_len;
  ssize_t done = read_range(job, hf_cached_fd_number(file), job->offset, job->buffers[0].iov_base, bytes);
  if (done >= 0 && (size_t)done < bytes) hf_fail(job, "pread", HF_SHORT_READ);
  hf_cached_fd_release(job->disk->cache, file);
}

static void read_all(hf_disk_job *job, int file) {
  struct stat about;
  uint64_t most = job->bytes;
  if (fstat(file, &about) != 0) {
    hf_fail(job, "fstat", errno);
    return;
  }
  if ((uint64_t)about.st_size > most) {
    hf_fail(job, "fstat", HF_TOO_BIG);
    return;
  }
  job->data = malloc((size_t)about.st_size + 1);
  if (job->data == NULL) {
    hf_fail(job, "malloc", ENOMEM);
    return;
  }
  ssize_t done = read_range(job, file, 0, job->data, (size_t)about.st_size);
  if (done >= 0) job->bytes = (uint64_t)done;
}

void hf_run_read_all(hf_disk_job *job) {
  hf_cached_fd *file = open_file(job);
  if (file == NULL) return;
  read_all(job, hf_cached_fd_number(file));
  hf_cached_fd_release(job->disk->cache, file);
}

// The kernel cuts one request for reading ahead to the read-ahead of the device, which is 128 KiB nearly everywhere.
#define AHEAD_BYTES (128 << 10)

static void read_ahead(int file, uint64_t from, uint64_t end) {
  for (; from < end; from += AHEAD_BYTES) posix_fadvise(file, (off_t)from, AHEAD_BYTES, POSIX_FADV_WILLNEED);
}

// Many small files that were written together, or pages of a database: the disk is asked for what lies around them at once.
static void read_around(hf_disk_job *job, hf_cached_fd *file) {
  const hf_cell_read *cells = &job->cells;
  if (cells->cell_count > HF_CELLS_NOW_MAX) return;
  uint64_t at = cells->data_offset + HF_CELL_BYTES * (uint64_t)cells->first_cell;
  if (!hf_cached_fd_missed(job->disk->cache, file, at)) return;
  int number = hf_cached_fd_number(file);
  uint64_t window = at / HF_WINDOW_BYTES * HF_WINDOW_BYTES;
  read_ahead(number, window, window + HF_WINDOW_BYTES);
  read_ahead(number, cells->table_offset, cells->data_offset);
}

static void read_cells(hf_disk_job *job, int file, uint8_t *table) {
  const hf_cell_read *cells = &job->cells;
  uint8_t *into = job->buffers[0].iov_base;
  uint64_t first = cells->first_cell;
  ssize_t table_bytes = read_range(job, file, cells->table_offset + 4 * first, table, 4 * (size_t)cells->cell_count);
  if (table_bytes < 0) return;
  ssize_t data_bytes = read_range(job, file, cells->data_offset + HF_CELL_BYTES * first, into,
                                  HF_CELL_BYTES * (size_t)cells->cell_count);
  if (data_bytes < 0) return;
  size_t whole = (size_t)table_bytes / 4;
  if ((size_t)data_bytes / HF_CELL_BYTES < whole) whole = (size_t)data_bytes / HF_CELL_BYTES;
  job->bad_count = (uint32_t)hf_verify_cells(cells->seed, cells->first_cell, into, whole, table, job->bad);
  for (size_t i = whole; i < cells->cell_count; i++) job->bad[job->bad_count++] = cells->first_cell + (uint32_t)i;
}

void hf_run_read_cells(hf_disk_job *job) {
  size_t count = job->cells.cell_count;
  uint8_t *table = malloc(4 * count + 1);
  job->bad = malloc(4 * count + 1);
  if (table == NULL || job->bad == NULL) {
    hf_fail(job, "malloc", ENOMEM);
  } else {
    hf_cached_fd *file = open_file(job);
    if (file != NULL) {
      read_around(job, file);
      read_cells(job, hf_cached_fd_number(file), table);
      hf_cached_fd_release(job->disk->cache, file);
    }
  }
  free(table);
}

static bool is_there(int file, uint64_t offset, void *into, size_t bytes) {
  struct iovec piece = {into, bytes};
  return preadv2(file, &piece, 1, (off_t)offset, RWF_NOWAIT) == (ssize_t)bytes;
}

bool hf_disk_read_cells_now(hf_disk *disk, const char *path, const hf_cell_read *cells, uint8_t *into) {
  uint8_t table[4 * HF_CELLS_NOW_MAX];
  uint32_t bad[HF_CELLS_NOW_MAX];
  uint64_t epoch;
  size_t count = cells->cell_count;
  uint64_t first = cells->first_cell;
  if (count > HF_CELLS_NOW_MAX) return false;
  hf_cached_fd *entry = hf_fd_cache_get(disk->cache, path, &epoch);
  if (entry == NULL) return false;
  int file = hf_cached_fd_number(entry);
  bool right = is_there(file, cells->table_offset + 4 * first, table, 4 * count) &&
               is_there(file, cells->data_offset + HF_CELL_BYTES * first, into, HF_CELL_BYTES * count) &&
               hf_verify_cells(cells->seed, cells->first_cell, into, count, table, bad) == 0;
  hf_cached_fd_release(disk->cache, entry);
  if (right) atomic_fetch_add(&disk->bytes_read, (4 + HF_CELL_BYTES) * count);
  return right;
}

static bool is_listed(const char *name) {
  size_t length = strlen(name), suffix = strlen(REPLACING_SUFFIX);
  if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return false;
  return length < suffix || strcmp(name + length - suffix, REPLACING_SUFFIX) != 0;
}

static void list_names(hf_disk_job *job, DIR *directory) {
  size_t room = 0;
  job->bytes = 0;
  struct dirent *entry;
  while ((void)(errno = 0), (entry = readdir(directory)) != NULL) {
    if (!is_listed(entry->d_name)) continue;
    size_t length = strlen(entry->d_name) + 1;
    if (job->bytes + length > room) {
      room = 2 * room + 4096;
      uint8_t *larger = realloc(job->data, room);
      if (larger == NULL) {
        hf_fail(job, "malloc", ENOMEM);
        return;
      }
      job->data = larger;
    }
    memcpy(job->data + job->bytes, entry->d_name, length);
    job->bytes += length;
  }
  if (errno != 0) hf_fail(job, "readdir", errno);
}

void hf_run_list(hf_disk_job *job) {
  int fd = hf_open_directory(job, job->path);
  if (fd < 0) {
    if (job->error == ENOENT) job->error = 0;
    return;
  }
  DIR *directory = fdopendir(fd);
  if (directory == NULL) {
    hf_fail(job, "fdopendir", errno);
    close(fd);
    return;
  }
  list_names(job, directory);
  closedir(directory);
}

void hf_run_size(hf_disk_job *job) {
  const char *name;
  int parent = hf_open_parent(job, job->path, false, &name);
  if (parent < 0) return;
  struct stat about;
  if (fstatat(parent, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
    hf_fail(job, "stat", errno);
  else if (!S_ISREG(about.st_mode))
    hf_fail(job, "stat", EISDIR);
  else
    job->bytes = (uint64_t)about.st_size;
  close(parent);
}

void hf_run_next_data(hf_disk_job *job) {
  hf_cached_fd *file = open_file(job);
  if (file == NULL) return;
  // The place of the descriptor is nobody's business: everything else is read with pread.
  off_t found = lseek(hf_cached_fd_number(file), (off_t)job->bytes, SEEK_DATA);
  job->has_data = found >= 0 || errno != ENXIO;
  if (found >= 0)
    job->bytes = (uint64_t)found;
  else if (errno != ENXIO && errno != EINVAL && errno != EOPNOTSUPP)  // those cannot tell: all of it may be data
    hf_fail(job, "lseek", errno);
  hf_cached_fd_release(job->disk->cache, file);
}

// What the kernel cannot let go of (it is being written, or somebody has it mapped) stays: that is no failure.
void hf_run_uncache(hf_disk_job *job) {
  hf_cached_fd *file = open_file(job);
  if (file == NULL) return;
  posix_fadvise(hf_cached_fd_number(file), 0, 0, POSIX_FADV_DONTNEED);
  hf_cached_fd_release(job->disk->cache, file);
}

void hf_run_space(hf_disk_job *job) {
  struct statvfs about;
  if (fstatvfs(job->disk->root, &about) != 0) {
    hf_fail(job, "statvfs", errno);
    return;
  }
  job->bytes = (uint64_t)about.f_blocks * about.f_frsize;
  job->free_bytes = (uint64_t)about.f_bavail * about.f_frsize;
  // A filesystem without a table of inodes (btrfs) says 0 of 0: they cannot run out.
  job->free_files = about.f_files == 0 ? UINT32_MAX : about.f_favail;
}
