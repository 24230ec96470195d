// Arguments into jobs, jobs into results. See disk-job.h.
#include "disk-job.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "arguments.h"

namespace disk {

// Buffers of one write. More than anybody has: a batch holds at most 65,536 records with a payload each.
static const uint32_t kBuffersMax = 1u << 20;

DiskJob::~DiskJob() {
  free(work.path);
  free(work.buffers);
  free(work.bad);
  free(work.data);
}

napi_value Number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

static napi_value Pair(napi_env env, double first, double second) {
  napi_value result;
  napi_create_array_with_length(env, 2, &result);
  napi_set_element(env, result, 0, Number(env, first));
  napi_set_element(env, result, 1, Number(env, second));
  return result;
}

napi_value DiskJob::Names(napi_env env) const {
  napi_value result;
  napi_create_array(env, &result);
  uint32_t count = 0;
  const char *at = reinterpret_cast<const char *>(work.data);
  const char *end = at + work.bytes;
  while (at < end) {
    size_t length = strlen(at);
    napi_value name;
    napi_create_string_utf8(env, at, length, &name);
    napi_set_element(env, result, count++, name);
    at += length + 1;
  }
  return result;
}

napi_value DiskJob::Place(napi_env env) const {
  const hf_place &place = work.place;
  napi_value result = Pair(env, static_cast<double>(place.device), static_cast<double>(place.inode));
  napi_set_element(env, result, 2, Number(env, static_cast<double>(place.parent_device)));
  return result;
}

napi_value DiskJob::Space(napi_env env) const {
  napi_value result = Pair(env, static_cast<double>(work.bytes), static_cast<double>(work.free_bytes));
  napi_set_element(env, result, 2, Number(env, static_cast<double>(work.free_files)));
  return result;
}

napi_value DiskJob::BadCells(napi_env env) const {
  napi_value result;
  napi_create_array_with_length(env, work.bad_count, &result);
  for (uint32_t i = 0; i < work.bad_count; i++) napi_set_element(env, result, i, Number(env, work.bad[i]));
  return result;
}

// A disk that was stopped meanwhile has closed the log.
napi_value DiskJob::AddLog(napi_env env) {
  if (io_->disks.count(disk_id_) == 0) {
    work.error = EBADF;
    work.step = "open";
    return nullptr;
  }
  uint32_t id = ++io_->last_id;
  io_->logs[id] = {work.log, disk_id_};
  return Number(env, id);
}

napi_value DiskJob::AllBytes(napi_env env) {
  napi_value result;
  if (napi_create_buffer_copy(env, work.bytes, work.data, nullptr, &result) == napi_ok) return result;
  napi_get_and_clear_last_exception(env, &result); // more than a Buffer can be
  work.error = ENOMEM;
  work.step = "malloc";
  return nullptr;
}

napi_value DiskJob::Result(napi_env env) {
  switch (work.operation) {
    case HF_OPEN: return Place(env);
    case HF_OPEN_LOG: return AddLog(env);
    case HF_READ_ALL: return AllBytes(env);
    case HF_READ_CELLS: return BadCells(env);
    case HF_LIST: return Names(env);
    case HF_SIZE: return Number(env, static_cast<double>(work.bytes));
    case HF_NEXT_DATA: return Number(env, work.has_data ? static_cast<double>(work.bytes) : -1);
    case HF_SPACE: return Space(env);
    default: return nullptr;
  }
}

bool Begin(napi_env env, napi_callback_info info, size_t count, Call *call) {
  size_t given = kArgumentsMax;
  void *data;
  napi_get_cb_info(env, info, &given, call->args, nullptr, &data);
  call->env = env;
  call->io = static_cast<Io *>(data);
  if (given < count) return WrongType(env, "too few arguments");
  if (!GetU32(env, call->args[0], &call->disk_id) || !GetDouble(env, call->args[1], &call->token)) return false;
  auto found = call->io->disks.find(call->disk_id);
  if (found == call->io->disks.end()) return WrongType(env, "no such disk");
  call->disk = found->second;
  return true;
}

bool GetPath(const Call &call, size_t index, DiskJob *job) {
  size_t length;
  if (napi_get_value_string_utf8(call.env, call.args[index], nullptr, 0, &length) != napi_ok)
    return WrongType(call.env, "a path is expected");
  if (length >= PATH_MAX) return WrongType(call.env, "a path is too long");
  job->work.path = static_cast<char *>(malloc(length + 1));
  if (job->work.path == nullptr) return WrongType(call.env, "out of memory");
  napi_get_value_string_utf8(call.env, call.args[index], job->work.path, length + 1, &length);
  return strlen(job->work.path) == length || WrongType(call.env, "a path has no NUL");
}

bool GetLog(const Call &call, size_t index, DiskJob *job, uint32_t *id) {
  if (!GetU32(call.env, call.args[index], id)) return false;
  auto found = call.io->logs.find(*id);
  if (found == call.io->logs.end() || found->second.disk_id != call.disk_id)
    return WrongType(call.env, "no such log on this disk");
  job->work.log = found->second.log;
  return true;
}

bool GetBuffer(const Call &call, size_t index, DiskJob *job) {
  Bytes bytes;
  if (!GetBytes(call.env, call.args[index], &bytes)) return false;
  job->work.buffers = static_cast<iovec *>(malloc(sizeof(iovec)));
  if (job->work.buffers == nullptr) return WrongType(call.env, "out of memory");
  job->work.buffers[0] = {bytes.at, bytes.length};
  job->work.buffer_count = 1;
  return true;
}

bool GetBuffers(const Call &call, size_t index, DiskJob *job, napi_value *keep) {
  std::vector<napi_value> values;
  std::vector<Bytes> list;
  if (!GetElements(call.env, call.args[index], kBuffersMax, &values)) return false;
  if (call.io->disks.count(call.disk_id) == 0) return WrongType(call.env, "no such disk");
  *keep = ArrayOf(call.env, values);
  if (!GetAllBytes(call.env, values, &list)) return false;
  job->work.buffers = static_cast<iovec *>(malloc(sizeof(iovec) * (list.size() + 1)));
  if (job->work.buffers == nullptr) return WrongType(call.env, "out of memory");
  for (const Bytes &bytes : list)
    if (bytes.length > 0) job->work.buffers[job->work.buffer_count++] = {bytes.at, bytes.length};
  return true;
}

}  // namespace disk
