// Brings finished jobs of worker threads back to JavaScript: one uv_async, one call of the listener for a whole batch.
// Owns the jobs from Submit on: their memory, and a reference that keeps their Buffers alive until they finish.
#pragma once
#include <node_api.h>
#include <uv.h>

#include "lane.h"

// What the glue adds to a job of the core. Derived classes hold the core's struct.
struct Job {
  virtual ~Job() = default;
  // JavaScript result; nullptr for undefined. Runs on the JavaScript thread, only when Error() is 0.
  virtual napi_value Result(napi_env) { return nullptr; }
  // errno (0: done) and the system call that gave it.
  virtual int Error() const { return 0; }
  virtual const char *Step() const { return ""; }

  double token = 0;
  napi_ref keep = nullptr;
};

class Completions {
 public:
  // `stop` is called once, on the JavaScript thread, before the environment goes: it must end all threads.
  Completions(napi_env env, const char *name, void (*stop)(void *context), void *context);

  hf_completions *list() { return &list_; }
  // Listener: (batch: [token, errno, step, result, token, errno, ...]) => void.
  void Listen(napi_value listener);
  // Only then may a job be adopted.
  bool listened() const { return listener_ != nullptr; }
  // Takes a job that is submitted right after this. `keep` (may be nullptr) must not be collected before it is finished.
  void Adopt(Job *job, hf_job *base, double token, napi_value keep);
  // Frees jobs that were adopted and will never run.
  void Forget(hf_job *jobs);
  // The same when the environment ends and the handle's state no longer matters.
  void Drop(hf_job *jobs);

 private:
  static void Wake(void *self);
  static void OnWake(uv_async_t *handle);
  static void OnEnvironmentEnds(napi_async_cleanup_hook_handle hook, void *self);
  void Deliver(hf_job *jobs);
  void Call(napi_value batch);

  napi_env env_;
  hf_completions list_;
  uv_async_t async_;
  napi_ref listener_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  size_t under_way_ = 0;
  void (*stop_)(void *);
  void *stop_context_;
};
