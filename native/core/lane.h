// Jobs, the threads that run them, and the list where finished ones wait to be fetched.
//
// A job is a plain struct with hf_job as its first member. From submit until it is fetched it belongs to
// these threads; nobody else touches it or the memory it points to. No thread here knows JavaScript.
#pragma once
#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_job {
  struct hf_job *next;
  void (*run)(struct hf_job *);
  void *owner; // whoever submitted it; not used here
} hf_job;

// Finished jobs in the order in which they finished. `wake` is called from a worker thread when the list was empty.
typedef struct {
  pthread_mutex_t lock;
  hf_job *first;
  hf_job *last;
  void (*wake)(void *context);
  void *context;
} hf_completions;

void hf_completions_init(hf_completions *, void (*wake)(void *context), void *context);
// All finished jobs as a list, oldest first; NULL when there is none.
hf_job *hf_completions_take(hf_completions *);
void hf_completions_destroy(hf_completions *);

// A first-in-first-out queue with its own threads.
typedef struct hf_lane hf_lane;

// NULL with errno set when not a single thread could be started. `name` is at most 15 characters (shown by ps and gdb).
hf_lane *hf_lane_start(int threads, const char *name, hf_completions *);
void hf_lane_submit(hf_lane *, hf_job *);
// Waits for the jobs that run and ends the threads. Gives the jobs that were never started.
hf_job *hf_lane_stop(hf_lane *);

#ifdef __cplusplus
}
#endif
