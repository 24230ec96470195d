// Queue, threads and completion list. Lock order: a lane's lock and a completion list's lock are never held together.
#include "lane.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

struct hf_lane {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  hf_job *first;
  hf_job *last;
  bool stopping;
  hf_completions *completions;
  char name[16];
  int thread_count;
  pthread_t threads[];
};

void hf_completions_init(hf_completions *list, void (*wake)(void *context), void *context) {
  pthread_mutex_init(&list->lock, NULL);
  list->first = list->last = NULL;
  list->wake = wake;
  list->context = context;
}

hf_job *hf_completions_take(hf_completions *list) {
  pthread_mutex_lock(&list->lock);
  hf_job *jobs = list->first;
  list->first = list->last = NULL;
  pthread_mutex_unlock(&list->lock);
  return jobs;
}

void hf_completions_destroy(hf_completions *list) { pthread_mutex_destroy(&list->lock); }

static void complete(hf_completions *list, hf_job *job) {
  job->next = NULL;
  pthread_mutex_lock(&list->lock);
  bool was_empty = list->first == NULL;
  if (was_empty)
    list->first = job;
  else
    list->last->next = job;
  list->last = job;
  // Under the lock: whoever tears the list down takes the lock first and then knows that nobody is about to wake.
  if (was_empty) list->wake(list->context);
  pthread_mutex_unlock(&list->lock);
}

// NULL when the lane stops.
static hf_job *next_job(hf_lane *lane) {
  pthread_mutex_lock(&lane->lock);
  while (lane->first == NULL && !lane->stopping) pthread_cond_wait(&lane->filled, &lane->lock);
  hf_job *job = lane->stopping ? NULL : lane->first;
  if (job != NULL) {
    lane->first = job->next;
    if (lane->first == NULL) lane->last = NULL;
  }
  pthread_mutex_unlock(&lane->lock);
  return job;
}

static void *work(void *argument) {
  hf_lane *lane = argument;
  pthread_setname_np(pthread_self(), lane->name);
  // These threads write what a mount of ours may wait for: the kernel must not make them wait for that mount when
  // it reclaims memory. Needs CAP_SYS_RESOURCE; without it the write-and-drop habit has to be enough.
  prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
  hf_job *job;
  while ((job = next_job(lane)) != NULL) {
    job->run(job);
    complete(lane->completions, job);
  }
  return NULL;
}

// Signals stay with the main thread, stacks stay small.
static int start_thread(hf_lane *lane, int index) {
  pthread_attr_t attributes;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 512 * 1024);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&lane->threads[index], &attributes, work, lane);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

hf_lane *hf_lane_start(int threads, const char *name, hf_completions *completions) {
  hf_lane *lane = calloc(1, sizeof *lane + (size_t)threads * sizeof lane->threads[0]);
  if (lane == NULL) return NULL;
  pthread_mutex_init(&lane->lock, NULL);
  pthread_cond_init(&lane->filled, NULL);
  lane->completions = completions;
  strncpy(lane->name, name, sizeof lane->name - 1);
  int error = 0;
  while (lane->thread_count < threads && (error = start_thread(lane, lane->thread_count)) == 0) lane->thread_count++;
  if (lane->thread_count > 0) return lane;
  free(lane);
  errno = error;
  return NULL;
}

void hf_lane_submit(hf_lane *lane, hf_job *job) {
  job->next = NULL;
  pthread_mutex_lock(&lane->lock);
  if (lane->first == NULL)
    lane->first = job;
  else
    lane->last->next = job;
  lane->last = job;
  pthread_cond_signal(&lane->filled);
  pthread_mutex_unlock(&lane->lock);
}

hf_job *hf_lane_stop(hf_lane *lane) {
  pthread_mutex_lock(&lane->lock);
  lane->stopping = true;
  pthread_cond_broadcast(&lane->filled);
  pthread_mutex_unlock(&lane->lock);
  for (int i = 0; i < lane->thread_count; i++) pthread_join(lane->threads[i], NULL);
  hf_job *left = lane->first;
  pthread_cond_destroy(&lane->filled);
  pthread_mutex_destroy(&lane->lock);
  free(lane);
  return left;
}
