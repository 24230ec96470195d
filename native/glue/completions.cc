// See completions.h. The handle keeps the event loop alive only while a job is under way.
#include "completions.h"

#include "arguments.h"

Completions::Completions(napi_env env, const char *name, void (*stop)(void *), void *context)
    : env_(env), stop_(stop), stop_context_(context) {
  hf_completions_init(&list_, Wake, this);
  uv_loop_t *loop;
  napi_get_uv_event_loop(env, &loop);
  uv_async_init(loop, &async_, OnWake);
  async_.data = this;
  uv_unref(reinterpret_cast<uv_handle_t *>(&async_));
  napi_value resource_name;
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource_name);
  napi_async_init(env, nullptr, resource_name, &context_);
  napi_add_async_cleanup_hook(env, OnEnvironmentEnds, this, &hook_);
}

void Completions::Listen(napi_value listener) {
  if (listener_ != nullptr) napi_delete_reference(env_, listener_);
  napi_create_reference(env_, listener, 1, &listener_);
}

void Completions::Adopt(Job *job, hf_job *base, double token, napi_value keep) {
  base->owner = job;
  job->token = token;
  if (keep != nullptr) napi_create_reference(env_, keep, 1, &job->keep);
  if (under_way_++ == 0) uv_ref(reinterpret_cast<uv_handle_t *>(&async_));
}

void Completions::Forget(hf_job *jobs) {
  if (jobs == nullptr) return;
  for (hf_job *job = jobs; job != nullptr; job = job->next) under_way_--;
  if (under_way_ == 0) uv_unref(reinterpret_cast<uv_handle_t *>(&async_));
  Drop(jobs);
}

void Completions::Drop(hf_job *jobs) {
  while (jobs != nullptr) {
    hf_job *next = jobs->next;
    Job *job = static_cast<Job *>(jobs->owner);
    if (job->keep != nullptr) napi_delete_reference(env_, job->keep);
    delete job;
    jobs = next;
  }
}

void Completions::Wake(void *self) { uv_async_send(&static_cast<Completions *>(self)->async_); }

void Completions::OnWake(uv_async_t *handle) {
  Completions *self = static_cast<Completions *>(handle->data);
  hf_job *jobs = hf_completions_take(&self->list_);
  if (jobs != nullptr) self->Deliver(jobs);
}

void Completions::Deliver(hf_job *jobs) {
  napi_handle_scope scope;
  napi_open_handle_scope(env_, &scope);
  napi_value batch, undefined;
  napi_create_array(env_, &batch);
  napi_get_undefined(env_, &undefined);
  uint32_t at = 0;
  for (hf_job *base = jobs; base != nullptr; base = base->next) {
    // A scope for each job: a batch may bring thousands of values.
    napi_handle_scope inner;
    napi_open_handle_scope(env_, &inner);
    Job *job = static_cast<Job *>(base->owner);
    napi_value token, error, step, result = job->Error() == 0 ? job->Result(env_) : nullptr;
    napi_create_double(env_, job->token, &token);
    napi_create_int32(env_, job->Error(), &error);
    napi_create_string_utf8(env_, job->Step(), NAPI_AUTO_LENGTH, &step);
    napi_set_element(env_, batch, at++, token);
    napi_set_element(env_, batch, at++, error);
    napi_set_element(env_, batch, at++, step);
    napi_set_element(env_, batch, at++, result == nullptr ? undefined : result);
    napi_close_handle_scope(env_, inner);
    under_way_--;
  }
  Drop(jobs);
  if (under_way_ == 0) uv_unref(reinterpret_cast<uv_handle_t *>(&async_));
  Call(batch);
  napi_close_handle_scope(env_, scope);
}

// Through make_callback, so that promises settled by the listener run their reactions when it returns.
void Completions::Call(napi_value batch) {
  napi_value listener, receiver;
  napi_get_reference_value(env_, listener_, &listener);
  napi_get_global(env_, &receiver);
  if (napi_make_callback(env_, context_, receiver, listener, 1, &batch, nullptr) != napi_pending_exception) return;
  napi_value thrown;
  napi_get_and_clear_last_exception(env_, &thrown);
  napi_fatal_exception(env_, thrown);
}

void Completions::OnEnvironmentEnds(napi_async_cleanup_hook_handle hook, void *data) {
  Completions *self = static_cast<Completions *>(data);
  self->stop_(self->stop_context_);
  // No thread is left that could complete a job or wake us.
  self->Drop(hf_completions_take(&self->list_));
  hf_completions_destroy(&self->list_);
  self->hook_ = hook;
  uv_close(reinterpret_cast<uv_handle_t *>(&self->async_), [](uv_handle_t *handle) {
    Completions *closed = static_cast<Completions *>(handle->data);
    napi_remove_async_cleanup_hook(closed->hook_);
    delete closed;
  });
}
