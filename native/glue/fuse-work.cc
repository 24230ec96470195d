// Runs its work on a pool thread and settles the promise on the loop's thread.
#include "fuse-work.h"

namespace {

void Execute(napi_env, void *data) {
  FuseWork *work = static_cast<FuseWork *>(data);
  work->result = work->run(work);
}

void Complete(napi_env env, napi_status, void *data) {
  FuseWork *work = static_cast<FuseWork *>(data);
  napi_value value;
  napi_create_int32(env, work->result != 0 ? -work->result : work->gives_device ? work->device : 0, &value);
  napi_resolve_deferred(env, work->deferred, value);
  napi_delete_async_work(env, work->work);
  delete work;
}

}  // namespace

napi_value QueueFuseWork(napi_env env, FuseWork *work, const char *name) {
  napi_value promise, label;
  napi_create_promise(env, &work->deferred, &promise);
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &label);
  napi_create_async_work(env, nullptr, label, Execute, Complete, work, &work->work);
  napi_queue_async_work(env, work->work);
  return promise;
}
