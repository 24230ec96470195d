// A hash table with chains and one list in order of use, both under one lock: the work under it is a few pointers.
#include "fd-cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Per disk. 64 disks x 256 stays far below the usual hard limit of 524288 descriptors; the soft one is the daemon's to raise.
#define CAPACITY 256
#define BUCKETS 512
// A shard of the largest segment on one disk, with its tables, has 9 windows.
#define WINDOWS 16
// A disk that turns needs as long for this many scattered reads as for the whole window.
#define MISSES_MAX 8

struct hf_cached_fd {
  hf_cached_fd *chain;
  hf_cached_fd *newer, *older;
  int fd;
  int holders;
  bool listed;  // in table and list; otherwise closed with its last holder
  uint32_t bucket;
  uint8_t misses[WINDOWS];
  char path[];
};

struct hf_fd_cache {
  pthread_mutex_t lock;
  uint64_t epoch;
  int count;
  hf_cached_fd *newest, *oldest;
  hf_cached_fd *buckets[BUCKETS];
};

// FNV-1a.
static uint32_t bucket_of(const char *path) {
  uint32_t hash = 2166136261u;
  for (const char *at = path; *at != 0; at++) hash = (hash ^ (uint8_t)*at) * 16777619u;
  return hash % BUCKETS;
}

static void list_first(hf_fd_cache *cache, hf_cached_fd *entry) {
  entry->newer = NULL;
  entry->older = cache->newest;
  if (cache->newest != NULL) cache->newest->newer = entry;
  cache->newest = entry;
  if (cache->oldest == NULL) cache->oldest = entry;
}

static void unlist(hf_fd_cache *cache, hf_cached_fd *entry) {
  if (entry->newer != NULL) entry->newer->older = entry->older;
  else cache->newest = entry->older;
  if (entry->older != NULL) entry->older->newer = entry->newer;
  else cache->oldest = entry->newer;
}

static hf_cached_fd *find(hf_fd_cache *cache, const char *path) {
  hf_cached_fd *entry = cache->buckets[bucket_of(path)];
  while (entry != NULL && strcmp(entry->path, path) != 0) entry = entry->chain;
  return entry;
}

static void close_entry(hf_cached_fd *entry) {
  close(entry->fd);
  free(entry);
}

// Takes the entry out; closes it unless somebody still reads from it.
static void drop(hf_fd_cache *cache, hf_cached_fd *entry) {
  hf_cached_fd **link = &cache->buckets[entry->bucket];
  while (*link != entry) link = &(*link)->chain;
  *link = entry->chain;
  unlist(cache, entry);
  cache->count--;
  entry->listed = false;
  if (entry->holders == 0) close_entry(entry);
}

hf_fd_cache *hf_fd_cache_make(void) {
  hf_fd_cache *cache = calloc(1, sizeof *cache);
  if (cache != NULL) pthread_mutex_init(&cache->lock, NULL);
  return cache;
}

hf_cached_fd *hf_fd_cache_get(hf_fd_cache *cache, const char *path, uint64_t *epoch) {
  pthread_mutex_lock(&cache->lock);
  *epoch = cache->epoch;
  hf_cached_fd *entry = find(cache, path);
  if (entry != NULL) {
    entry->holders++;
    unlist(cache, entry);
    list_first(cache, entry);
  }
  pthread_mutex_unlock(&cache->lock);
  return entry;
}

hf_cached_fd *hf_fd_cache_put(hf_fd_cache *cache, const char *path, int fd, uint64_t epoch) {
  size_t length = strlen(path) + 1;
  hf_cached_fd *entry = calloc(1, sizeof *entry + length);
  if (entry == NULL) return NULL;
  memcpy(entry->path, path, length);
  entry->fd = fd;
  entry->holders = 1;
  entry->bucket = bucket_of(path);
  pthread_mutex_lock(&cache->lock);
  // Two readers may have opened the same file at once: the second keeps its own to itself.
  if (cache->epoch == epoch && find(cache, path) == NULL) {
    if (cache->count == CAPACITY) drop(cache, cache->oldest);
    entry->chain = cache->buckets[entry->bucket];
    cache->buckets[entry->bucket] = entry;
    list_first(cache, entry);
    cache->count++;
    entry->listed = true;
  }
  pthread_mutex_unlock(&cache->lock);
  return entry;
}

int hf_cached_fd_number(const hf_cached_fd *entry) { return entry->fd; }

bool hf_cached_fd_missed(hf_fd_cache *cache, hf_cached_fd *entry, uint64_t offset) {
  pthread_mutex_lock(&cache->lock);
  uint8_t *misses = &entry->misses[offset / HF_WINDOW_BYTES % WINDOWS];
  bool many = ++*misses == MISSES_MAX;
  if (many) *misses = 0;
  pthread_mutex_unlock(&cache->lock);
  return many;
}

void hf_cached_fd_release(hf_fd_cache *cache, hf_cached_fd *entry) {
  pthread_mutex_lock(&cache->lock);
  bool last = --entry->holders == 0 && !entry->listed;
  pthread_mutex_unlock(&cache->lock);
  if (last) close_entry(entry);
}

void hf_fd_cache_invalidate(hf_fd_cache *cache, const char *path) {
  pthread_mutex_lock(&cache->lock);
  cache->epoch++;
  hf_cached_fd *entry = find(cache, path);
  if (entry != NULL) drop(cache, entry);
  pthread_mutex_unlock(&cache->lock);
}

void hf_fd_cache_empty(hf_fd_cache *cache) {
  pthread_mutex_lock(&cache->lock);
  while (cache->newest != NULL) drop(cache, cache->newest);
  pthread_mutex_unlock(&cache->lock);
}

void hf_fd_cache_destroy(hf_fd_cache *cache) {
  while (cache->newest != NULL) drop(cache, cache->newest);
  pthread_mutex_destroy(&cache->lock);
  free(cache);
}
