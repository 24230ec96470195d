// Disks as JavaScript functions. Every function but diskStart, diskStop and diskCounters starts a job and names it by the
// caller's token; its result comes with a later batch (see completions.h and src/native/raw-io.ts).
#include "addon.h"
#include "arguments.h"
#include "completions.h"
#include "disk-job.h"
#include "disk.h"

#include <iterator>

using namespace disk;

namespace {

// Longer paths than those of shards are not found, and that is fine.
constexpr size_t kPathNowMax = 256;

napi_value Submit(const Call &call, DiskJob *job, napi_value keep) {
  call.io->completions->Adopt(job, &job->work.job, call.token, keep);
  hf_disk_submit(call.disk, &job->work);
  return nullptr;
}

napi_value Refuse(DiskJob *job) {
  delete job;
  return nullptr; // an exception is pending
}

// ---- functions -------------------------------------------------------------------------------

napi_value WithPath(napi_env env, napi_callback_info info, hf_disk_operation operation) {
  Call call;
  if (!Begin(env, info, 3, &call)) return nullptr;
  DiskJob *job = new DiskJob(call, operation);
  return GetPath(call, 2, job) ? Submit(call, job, nullptr) : Refuse(job);
}

napi_value WithPathAndBytes(napi_env env, napi_callback_info info, hf_disk_operation operation) {
  Call call;
  if (!Begin(env, info, 4, &call)) return nullptr;
  DiskJob *job = new DiskJob(call, operation);
  bool fine = GetPath(call, 2, job) && GetSize(env, call.args[3], &job->work.bytes);
  return fine ? Submit(call, job, nullptr) : Refuse(job);
}

napi_value WithPathAndBuffers(napi_env env, napi_callback_info info, hf_disk_operation operation) {
  Call call;
  napi_value keep;
  if (!Begin(env, info, 4, &call)) return nullptr;
  DiskJob *job = new DiskJob(call, operation);
  return GetPath(call, 2, job) && GetBuffers(call, 3, job, &keep) ? Submit(call, job, keep) : Refuse(job);
}

napi_value Open(napi_env env, napi_callback_info info) { return WithPath(env, info, HF_OPEN); }
napi_value Create(napi_env env, napi_callback_info info) { return WithPathAndBuffers(env, info, HF_CREATE); }
napi_value Replace(napi_env env, napi_callback_info info) { return WithPathAndBuffers(env, info, HF_REPLACE); }
napi_value OpenLog(napi_env env, napi_callback_info info) { return WithPathAndBytes(env, info, HF_OPEN_LOG); }
napi_value ReadAll(napi_env env, napi_callback_info info) { return WithPathAndBytes(env, info, HF_READ_ALL); }
napi_value NextData(napi_env env, napi_callback_info info) { return WithPathAndBytes(env, info, HF_NEXT_DATA); }
napi_value Remove(napi_env env, napi_callback_info info) { return WithPath(env, info, HF_REMOVE); }
napi_value List(napi_env env, napi_callback_info info) { return WithPath(env, info, HF_LIST); }
napi_value Size(napi_env env, napi_callback_info info) { return WithPath(env, info, HF_SIZE); }
napi_value Uncache(napi_env env, napi_callback_info info) { return WithPath(env, info, HF_UNCACHE); }

napi_value Space(napi_env env, napi_callback_info info) {
  Call call;
  return Begin(env, info, 2, &call) ? Submit(call, new DiskJob(call, HF_SPACE), nullptr) : nullptr;
}

napi_value WriteLog(napi_env env, napi_callback_info info, bool durably) {
  Call call;
  napi_value keep;
  uint32_t id;
  if (!Begin(env, info, 5, &call)) return nullptr;
  DiskJob *job = new DiskJob(call, HF_LOG_WRITE);
  job->work.durably = durably;
  bool fine = GetSize(env, call.args[3], &job->work.offset) && GetBuffers(call, 4, job, &keep) &&
              GetLog(call, 2, job, &id);
  return fine ? Submit(call, job, keep) : Refuse(job);
}

napi_value LogWrite(napi_env env, napi_callback_info info) { return WriteLog(env, info, false); }
napi_value LogWriteDurably(napi_env env, napi_callback_info info) { return WriteLog(env, info, true); }

napi_value LogSync(napi_env env, napi_callback_info info) {
  Call call;
  uint32_t id;
  if (!Begin(env, info, 3, &call)) return nullptr;
  DiskJob *job = new DiskJob(call, HF_LOG_SYNC);
  return GetLog(call, 2, job, &id) ? Submit(call, job, nullptr) : Refuse(job);
}

napi_value LogClose(napi_env env, napi_callback_info info) {
  Call call;
  uint32_t id;
  if (!Begin(env, info, 3, &call)) return nullptr;
  DiskJob *job = new DiskJob(call, HF_LOG_CLOSE);
  if (!GetLog(call, 2, job, &id)) return Refuse(job);
  call.io->logs.erase(id); // nobody can name it any more; jobs before this one run first
  return Submit(call, job, nullptr);
}

napi_value Read(napi_env env, napi_callback_info info) {
  Call call;
  if (!Begin(env, info, 5, &call)) return nullptr;
  DiskJob *job = new DiskJob(call, HF_READ);
  bool fine = GetPath(call, 2, job) && GetSize(env, call.args[3], &job->work.offset) && GetBuffer(call, 4, job);
  return fine ? Submit(call, job, call.args[4]) : Refuse(job);
}

napi_value ReadCells(napi_env env, napi_callback_info info) {
  Call call;
  if (!Begin(env, info, 9, &call)) return nullptr;
  DiskJob *job = new DiskJob(call, HF_READ_CELLS);
  hf_cell_read *cells = &job->work.cells;
  bool fine = GetPath(call, 2, job) && GetSize(env, call.args[3], &cells->table_offset) &&
              GetSize(env, call.args[4], &cells->data_offset) && GetU32(env, call.args[5], &cells->first_cell) &&
              GetU32(env, call.args[6], &cells->cell_count) && GetU32(env, call.args[7], &cells->seed) &&
              GetBuffer(call, 8, job);
  if (fine && job->work.buffers[0].iov_len != static_cast<size_t>(cells->cell_count) * 4096)
    fine = WrongType(env, "the buffer must hold exactly the cells");
  return fine ? Submit(call, job, call.args[8]) : Refuse(job);
}

// diskReadCellsNow(disk, 0, path, tableOffset, dataOffset, firstCell, cellCount, seed, into): boolean, on this thread.
napi_value ReadCellsNow(napi_env env, napi_callback_info info) {
  Call call;
  if (!Begin(env, info, 9, &call)) return nullptr;
  char path[kPathNowMax];
  size_t length;
  hf_cell_read cells{};
  Bytes into;
  if (napi_get_value_string_utf8(env, call.args[2], path, sizeof path, &length) != napi_ok) return Throw(env, "a path is expected");
  bool fine = GetSize(env, call.args[3], &cells.table_offset) && GetSize(env, call.args[4], &cells.data_offset) &&
              GetU32(env, call.args[5], &cells.first_cell) && GetU32(env, call.args[6], &cells.cell_count) &&
              GetU32(env, call.args[7], &cells.seed) && GetBytes(env, call.args[8], &into);
  if (!fine) return nullptr;
  if (into.length != static_cast<size_t>(cells.cell_count) * 4096) return Throw(env, "the buffer must hold exactly the cells");
  napi_value result;
  napi_get_boolean(env, hf_disk_read_cells_now(call.disk, path, &cells, into.at), &result);
  return result;
}

napi_value DiskStart(napi_env env, napi_callback_info info) {
  void *data;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  Io *io = static_cast<Io *>(data);
  if (!io->completions->listened()) return Throw(env, "ioListen comes first");
  hf_disk *disk = hf_disk_start(io->completions->list());
  if (disk == nullptr) return Throw(env, "cannot start the threads of a disk");
  uint32_t id = ++io->last_id;
  io->disks[id] = disk;
  return Number(env, id);
}

// Nothing may be under way: then the threads are idle and end at once. The disk's logs are closed with it.
napi_value DiskStop(napi_env env, napi_callback_info info) {
  Call call;
  if (!Begin(env, info, 2, &call)) return nullptr;
  call.io->disks.erase(call.disk_id);
  for (auto log = call.io->logs.begin(); log != call.io->logs.end();)
    log = log->second.disk_id == call.disk_id ? call.io->logs.erase(log) : std::next(log);
  call.io->completions->Forget(hf_disk_stop(call.disk));
  return nullptr;
}

napi_value Counters(napi_env env, napi_callback_info info) {
  Call call;
  if (!Begin(env, info, 2, &call)) return nullptr;
  hf_disk_counters counters = hf_disk_count(call.disk);
  const uint64_t values[] = {counters.bytes_written, counters.bytes_read, counters.syncs, counters.errors};
  napi_value result;
  napi_create_array_with_length(env, 4, &result);
  for (uint32_t i = 0; i < 4; i++) napi_set_element(env, result, i, Number(env, static_cast<double>(values[i])));
  return result;
}

napi_value Listen(napi_env env, napi_callback_info info) {
  napi_value args[1], listener;
  size_t given = 1;
  void *data;
  napi_get_cb_info(env, info, &given, args, nullptr, &data);
  if (GetFunction(env, args[0], &listener)) static_cast<Io *>(data)->completions->Listen(listener);
  return nullptr;
}

void Stop(void *data) {
  Io *io = static_cast<Io *>(data);
  for (auto &entry : io->disks) io->completions->Drop(hf_disk_stop(entry.second));
  delete io;
}

}  // namespace

void RegisterIo(napi_env env, napi_value exports) {
  Io *io = new Io();
  io->completions = new Completions(env, "holdfast.io", Stop, io);
  const struct {
    const char *name;
    napi_callback callback;
  } functions[] = {
      {"ioListen", Listen},       {"diskStart", DiskStart},     {"diskStop", DiskStop},
      {"diskCounters", Counters}, {"diskOpen", Open},           {"diskCreate", Create},
      {"diskReplace", Replace},   {"diskOpenLog", OpenLog},     {"diskLogWrite", LogWrite},
      {"diskLogSync", LogSync},   {"diskLogClose", LogClose},   {"diskRead", Read},
      {"diskReadAll", ReadAll},   {"diskReadCells", ReadCells}, {"diskRemove", Remove},
      {"diskList", List},         {"diskSize", Size},           {"diskSpace", Space},
      {"diskNextData", NextData}, {"diskReadCellsNow", ReadCellsNow},
      {"diskLogWriteDurably", LogWriteDurably}, {"diskUncache", Uncache},
  };
  for (const auto &function : functions) AddFunction(env, exports, function.name, function.callback, io);
}
