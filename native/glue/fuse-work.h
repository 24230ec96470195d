// System calls of the kernel channel that may block: they may wait for requests that only this process can answer,
// so they never run on the loop's own thread.
#pragma once
#include <node_api.h>
#include <stdint.h>
#include <string>
#include <vector>

struct FuseWork {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  // Called on a pool thread; gives 0 or an errno. Must not touch JavaScript.
  int (*run)(FuseWork *) = nullptr;
  int result = 0;
  int device = -1;
  // The promise gives `device` instead of 0.
  bool gives_device = false;
  unsigned long flags = 0;
  std::string mount_point, source, type, options;
  std::vector<uint8_t> bytes;
};

// Takes the work over. The promise resolves to 0 (or the device), or to a negative errno.
napi_value QueueFuseWork(napi_env env, FuseWork *work, const char *name);
