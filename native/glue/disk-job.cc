// Arguments into jobs, jobs into results. See disk-job.h.
#include "disk-job.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"

namespace disk {

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

napi_value DiskJob::Result(napi_env env) {
  switch (work.operation) {
    case HF_OPEN: return Place(env);
    case HF_OPEN_LOG: {
      uint32_t id = ++io_->last_id;
      io_->logs[id] = work.log;
      return Number(env, id);
    }
    case HF_READ_ALL: {
      napi_value result;
      napi_create_buffer_copy(env, work.bytes, work.data, nullptr, &result);
      return result;
    }
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
  uint32_t id;
  napi_get_cb_info(env, info, &given, call->args, nullptr, &data);
  call->env = env;
  call->io = static_cast<Io *>(data);
  if (given < count) return WrongType(env, "too few arguments");
  if (!GetU32(env, call->args[0], &id) || !GetDouble(env, call->args[1], &call->token)) return false;
  auto found = call->io->disks.find(id);
  if (found == call->io->disks.end()) return WrongType(env, "no such disk");
  call->disk = found->second;
  return true;
}

bool GetPath(const Call &call, size_t index, DiskJob *job) {
  size_t length;
  if (napi_get_value_string_utf8(call.env, call.args[index], nullptr, 0, &length) != napi_ok)
    return WrongType(call.env, "a path is expected");
  job->work.path = static_cast<char *>(malloc(length + 1));
  if (job->work.path == nullptr) return WrongType(call.env, "out of memory");
  napi_get_value_string_utf8(call.env, call.args[index], job->work.path, length + 1, &length);
  return strlen(job->work.path) == length || WrongType(call.env, "a path has no NUL");
}

bool GetLog(const Call &call, size_t index, DiskJob *job, uint32_t *id) {
  if (!GetU32(call.env, call.args[index], id)) return false;
  auto found = call.io->logs.find(*id);
  if (found == call.io->logs.end()) return WrongType(call.env, "no such log");
  job->work.log = found->second;
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
  uint32_t count;
  if (napi_get_array_length(call.env, call.args[index], &count) != napi_ok)
    return WrongType(call.env, "an array of Buffers is expected");
  job->work.buffers = static_cast<iovec *>(malloc(sizeof(iovec) * (count + 1)));
  if (job->work.buffers == nullptr) return WrongType(call.env, "out of memory");
  napi_create_array_with_length(call.env, count, keep);
  for (uint32_t i = 0; i < count; i++) {
    napi_value element;
    Bytes bytes;
    napi_get_element(call.env, call.args[index], i, &element);
    if (!GetBytes(call.env, element, &bytes)) return false;
    napi_set_element(call.env, *keep, i, element);
    if (bytes.length > 0) job->work.buffers[job->work.buffer_count++] = {bytes.at, bytes.length};
  }
  return true;
}

}  // namespace disk
