// Open descriptors of files that are read again and again, the least recently used closed first. Thread-safe.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct hf_fd_cache hf_fd_cache;
typedef struct hf_cached_fd hf_cached_fd;

hf_fd_cache *hf_fd_cache_make(void);
// The entry of `path`, held, or NULL. `epoch` is for hf_fd_cache_put.
hf_cached_fd *hf_fd_cache_get(hf_fd_cache *, const char *path, uint64_t *epoch);
// Takes over `fd`, gives it as a held entry. It is kept for others only if nothing was invalidated since `epoch` was
// given: the file could have been removed between open and now. NULL (fd still the caller's) when out of memory.
hf_cached_fd *hf_fd_cache_put(hf_fd_cache *, const char *path, int fd, uint64_t epoch);
int hf_cached_fd_number(const hf_cached_fd *);
// A small read at `offset` had to go to the disk. True when it is one of many near each other: then the window of
// HF_WINDOW_BYTES around it is worth reading as a whole. Counting begins anew after that.
#define HF_WINDOW_BYTES (4 << 20)
bool hf_cached_fd_missed(hf_fd_cache *, hf_cached_fd *, uint64_t offset);
void hf_cached_fd_release(hf_fd_cache *, hf_cached_fd *);
// To be called after `path` was unlinked or replaced: nobody gets the old file from here on.
void hf_fd_cache_invalidate(hf_fd_cache *, const char *path);
// Closes all that nobody holds, the others with their last holder.
void hf_fd_cache_empty(hf_fd_cache *);
// No entry may be held.
void hf_fd_cache_destroy(hf_fd_cache *);
