// Walking paths below the disk's root. No component is a symbolic link, none is "..": whatever is mounted or linked
// inside the disk's directory tree by others cannot lead a write away from the directory that was opened.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk-internal.h"

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int hf_sync_directory(hf_disk_job *job, int directory) {
  if (fsync(directory) != 0) return hf_fail(job, "fsync", errno);
  atomic_fetch_add(&job->disk->syncs, 1);
  return 0;
}

static bool is_known(hf_disk *disk, const char *path, size_t length) {
  for (struct known_directory *at = disk->known; at != NULL; at = at->next)
    if (strlen(at->path) == length && memcmp(at->path, path, length) == 0) return true;
  return false;
}

static void remember(hf_disk *disk, const char *path, size_t length) {
  struct known_directory *entry = malloc(sizeof *entry + length + 1);
  if (entry == NULL) return; // it is synced once more next time
  memcpy(entry->path, path, length);
  entry->path[length] = 0;
  entry->next = disk->known;
  disk->known = entry;
}

void hf_forget_directories(hf_disk *disk) {
  while (disk->known != NULL) {
    struct known_directory *next = disk->known->next;
    free(disk->known);
    disk->known = next;
  }
}

// The entry of directory `name` (whose path is the first `length` bytes of `path`) becomes durable in `parent`. Also when
// the directory is there already: an earlier process may have died between making and syncing it.
static int settle_directory(hf_disk_job *job, int parent, const char *name, const char *path, size_t length) {
  hf_disk *disk = job->disk;
  int result = 0;
  pthread_mutex_lock(&disk->directories);
  if (!is_known(disk, path, length)) {
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
      result = hf_fail(job, "mkdir", errno);
    else
      result = hf_sync_directory(job, parent);
    if (result == 0) remember(disk, path, length);
  }
  pthread_mutex_unlock(&disk->directories);
  return result;
}

static bool is_dots(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

// Opens the directory made of the first `length` bytes of `path`.
static int walk(hf_disk_job *job, const char *path, size_t length, bool make) {
  // Opened anew, not duplicated: duplicates share one reading position.
  int directory = openat(job->disk->root, ".", DIRECTORY_FLAGS);
  if (directory < 0) return hf_fail(job, "open", errno);
  size_t at = 0;
  while (at < length) {
    const char *slash = memchr(path + at, '/', length - at);
    size_t end = slash == NULL ? length : (size_t)(slash - path);
    char name[256];
    if (end - at >= sizeof name) {
      close(directory);
      return hf_fail(job, "open", ENAMETOOLONG);
    }
    memcpy(name, path + at, end - at);
    name[end - at] = 0;
    if (is_dots(name)) {
      close(directory);
      return hf_fail(job, "open", EINVAL);
    }
    int next = -1;
    if (!make || settle_directory(job, directory, name, path, end) == 0) {
      next = openat(directory, name, DIRECTORY_FLAGS);
      if (next < 0) hf_fail(job, "open", errno);
    }
    close(directory);
    if (next < 0) return -1;
    directory = next;
    at = end + 1;
  }
  return directory;
}

int hf_open_parent(hf_disk_job *job, const char *path, bool make, const char **name) {
  const char *slash = strrchr(path, '/');
  *name = slash == NULL ? path : slash + 1;
  if (is_dots(*name)) return hf_fail(job, "open", EINVAL);
  return walk(job, path, slash == NULL ? 0 : (size_t)(slash - path), make);
}

int hf_open_directory(hf_disk_job *job, const char *path) { return walk(job, path, strlen(path), false); }
