// Shared by the disk's own files only. A disk operation is a function that fills in its job; helpers return 0 or
// record what failed with fail() and return -1.
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

#include "disk.h"
#include "fd-cache.h"

// Everything is aligned to this, whatever the device could do: it is right for every disk there is.
#define ALIGNMENT 4096
// Name under which the next content of a replaced file is written; never listed.
#define REPLACING_SUFFIX ".replacing"

struct known_directory {
  struct known_directory *next;
  char path[];
};

struct hf_disk {
  int root;
  hf_lane *log_lane;
  hf_lane *read_lane;
  hf_lane *write_lane;
  hf_fd_cache *cache;
  // Directories whose entry in their parent is durable. Held while one is made, so that nobody finds it too early.
  pthread_mutex_t directories;
  struct known_directory *known;
  // One replacement at a time: they share the name of their temporary file.
  pthread_mutex_t replacing;
  // Open logs, so that stopping closes them.
  pthread_mutex_t logs_lock;
  hf_log *logs;
  atomic_ullong bytes_written, bytes_read, syncs, errors;
};

// Records errno (or our own code) and the step; always -1.
int hf_fail(hf_disk_job *, const char *step, int error);

// disk-path.c
// Opens the directory that holds `path` and gives the last component. With `make`, directories are made durably.
int hf_open_parent(hf_disk_job *, const char *path, bool make, const char **name);
int hf_open_directory(hf_disk_job *, const char *path);
int hf_sync_directory(hf_disk_job *, int directory);
void hf_forget_directories(hf_disk *);

// disk-write.c
void hf_run_create(hf_disk_job *);
void hf_run_replace(hf_disk_job *);
void hf_run_remove(hf_disk_job *);
// Writes all buffers at `offset`. With a descriptor opened O_DIRECT everything must be aligned.
int hf_write_all(hf_disk_job *, int file, uint64_t offset, const struct iovec *buffers, int count);
bool hf_aligned(uint64_t offset, const struct iovec *buffers, int count);

// disk-log.c
void hf_run_open_log(hf_disk_job *);
void hf_run_log_write(hf_disk_job *);
void hf_run_log_sync(hf_disk_job *);
void hf_run_log_close(hf_disk_job *);
void hf_close_logs(hf_disk *);

// disk-read.c
void hf_run_read(hf_disk_job *);
void hf_run_read_all(hf_disk_job *);
void hf_run_read_cells(hf_disk_job *);
void hf_run_list(hf_disk_job *);
void hf_run_size(hf_disk_job *);
void hf_run_next_data(hf_disk_job *);
void hf_run_uncache(hf_disk_job *);
void hf_run_space(hf_disk_job *);
