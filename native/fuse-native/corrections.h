// What the corrected copy of fuse-native's source (corrections.sed) calls: times with nanoseconds in both directions, and
// the state of ended threads given to new ones.
#ifndef HOLDFAST_FUSE_NATIVE_CORRECTIONS_H
#define HOLDFAST_FUSE_NATIVE_CORRECTIONS_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

// One 64-bit value: 34 bits of seconds (1697 to 2242) above 30 bits of nanoseconds, which have room for UTIME_NOW and UTIME_OMIT.
static inline int time_fits(const struct timespec *time) {
  int64_t limit = (int64_t) 1 << 33;
  return time->tv_sec >= -limit && time->tv_sec < limit;
}

static inline uint64_t pack_time(const struct timespec *time) {
  return (uint64_t) time->tv_sec << 30 | (uint64_t) time->tv_nsec;
}

static inline void unpack_time(uint64_t packed, struct timespec *time) {
  time->tv_sec = (int64_t) packed >> 30;
  time->tv_nsec = (long) (packed & 0x3fffffff);
}

// libfuse ends idle threads and starts others. Their state holds a libuv handle that cannot be closed from here, so it is
// used again: there are never more than there were threads at once.
struct spare_state {
  struct spare_state *next;
  void *state;
};

static pthread_mutex_t spare_states_lock = PTHREAD_MUTEX_INITIALIZER;
static struct spare_state *spare_states;

// Runs at the end of a thread.
static void give_state_back(void *state) {
  struct spare_state *spare = malloc(sizeof *spare);
  if (spare == NULL) return;
  spare->state = state;
  pthread_mutex_lock(&spare_states_lock);
  spare->next = spare_states;
  spare_states = spare;
  pthread_mutex_unlock(&spare_states_lock);
}

// NULL when there is none.
static void *take_spare_state(void) {
  pthread_mutex_lock(&spare_states_lock);
  struct spare_state *spare = spare_states;
  if (spare != NULL) spare_states = spare->next;
  pthread_mutex_unlock(&spare_states_lock);
  if (spare == NULL) return NULL;
  void *state = spare->state;
  free(spare);
  return state;
}

#endif
