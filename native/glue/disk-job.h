// One job of a disk with its arguments and its result: what lies between io.cc's functions and the core.
#pragma once
#include <node_api.h>

#include <unordered_map>

#include "completions.h"
#include "disk.h"

namespace disk {

// A log is written by its own disk's threads only, and is gone with the disk.
struct LogOfDisk {
  hf_log *log;
  uint32_t disk_id;
};

// All disks and logs of one environment, by the numbers that JavaScript knows.
struct Io {
  Completions *completions;
  std::unordered_map<uint32_t, hf_disk *> disks;
  std::unordered_map<uint32_t, LogOfDisk> logs;
  uint32_t last_id = 0;
};

// A job function's arguments: (disk, token, ...).
const size_t kArgumentsMax = 9;

struct Call {
  napi_env env;
  Io *io;
  napi_value args[kArgumentsMax];
  hf_disk *disk;
  uint32_t disk_id;
  double token;
};

class DiskJob : public Job {
 public:
  DiskJob(const Call &call, hf_disk_operation operation) : io_(call.io), disk_id_(call.disk_id) {
    work.operation = operation;
  }
  ~DiskJob() override;
  int Error() const override { return work.error; }
  const char *Step() const override { return work.step == nullptr ? "" : work.step; }
  napi_value Result(napi_env env) override;

  hf_disk_job work{};

 private:
  napi_value Names(napi_env env) const;
  napi_value BadCells(napi_env env) const;
  napi_value Space(napi_env env) const;
  napi_value Place(napi_env env) const;
  napi_value AddLog(napi_env env);
  napi_value AllBytes(napi_env env);
  Io *io_;
  uint32_t disk_id_;
};

// Getters throw and give false when an argument is wrong.
bool Begin(napi_env env, napi_callback_info info, size_t count, Call *call);
bool GetPath(const Call &call, size_t index, DiskJob *job);
bool GetLog(const Call &call, size_t index, DiskJob *job, uint32_t *id);
bool GetBuffer(const Call &call, size_t index, DiskJob *job);
// Empty buffers are left out. `keep` becomes an array of our own with the same buffers: the caller's may change.
// May run JavaScript: the disk is looked up again afterwards, and other things only then.
bool GetBuffers(const Call &call, size_t index, DiskJob *job, napi_value *keep);

napi_value Number(napi_env env, double value);

}  // namespace disk
