// Checksums, erasure code, compression and aligned memory as JavaScript functions. Everything long exists twice: as a
// plain function, and as a job of the compute threads. What makes sense is checked by src/native/codec-arguments.ts.
#include <stdint.h>
#include <unistd.h>

#include <vector>

#include "addon.h"
#include "arguments.h"
#include "checksum.h"
#include "completions.h"
#include "compute-jobs.h"
#include "memory.h"

using namespace compute;

namespace {

// Never more threads than this, however many processors there are: the disks are slower by then.
const int kThreadsMax = 16;

struct Compute {
  Completions *completions;
  hf_lane *lane = nullptr; // started with the first job
};

// ---- functions -------------------------------------------------------------------------------

const size_t kArgumentsMax = 5;

// Name(...): [error, result]
template <class Kind>
napi_value RunHere(napi_env env, napi_callback_info info) {
  napi_value args[kArgumentsMax], keep;
  size_t given = kArgumentsMax;
  napi_get_cb_info(env, info, &given, args, nullptr, nullptr); // missing ones are undefined and refused by Read
  Kind job;
  if (!job.Read(env, args, &keep)) return nullptr;
  job.Run();
  napi_value pair, error, result = job.Error() == 0 ? job.Result(env) : nullptr;
  napi_create_array_with_length(env, 2, &pair);
  napi_create_int32(env, job.Error(), &error);
  napi_set_element(env, pair, 0, error);
  if (result != nullptr) napi_set_element(env, pair, 1, result);
  return pair;
}

// One thread a processor: the work is nothing but computing.
bool StartLane(napi_env env, Compute *compute) {
  if (compute->lane != nullptr) return true;
  long threads = sysconf(_SC_NPROCESSORS_ONLN);
  if (threads < 1) threads = 1;
  if (threads > kThreadsMax) threads = kThreadsMax;
  compute->lane = hf_lane_start(static_cast<int>(threads), "holdfast-comp", compute->completions->list());
  if (compute->lane == nullptr) Throw(env, "cannot start the compute threads");
  return compute->lane != nullptr;
}

// NameJob(token, ...): the result comes to the listener
template <class Kind>
napi_value RunThere(napi_env env, napi_callback_info info) {
  napi_value args[kArgumentsMax], keep;
  size_t given = kArgumentsMax;
  double token;
  void *data;
  napi_get_cb_info(env, info, &given, args, nullptr, &data);
  Compute *compute = static_cast<Compute *>(data);
  if (!GetDouble(env, args[0], &token)) return nullptr;
  if (!compute->completions->listened()) return Throw(env, "computeListen comes first");
  if (!StartLane(env, compute)) return nullptr;
  Kind *job = new Kind();
  if (!job->Read(env, args + 1, &keep)) {
    delete job;
    return nullptr;
  }
  compute->completions->Adopt(job, &job->base, token, keep);
  hf_lane_submit(compute->lane, &job->base);
  return nullptr;
}

napi_value Crc32c(napi_env env, napi_callback_info info) {
  napi_value args[2];
  uint32_t seed;
  Bytes data;
  if (!Arguments(env, info, args, 2) || !GetBytes(env, args[0], &data) || !GetU32(env, args[1], &seed)) return nullptr;
  napi_value result;
  napi_create_uint32(env, hf_crc32c(seed, data.at, data.length), &result);
  return result;
}

// (data, table, firstCell, seed): absolute numbers of bad cells
napi_value VerifyCells(napi_env env, napi_callback_info info) {
  napi_value args[4];
  Bytes data, table;
  uint32_t first, seed;
  if (!Arguments(env, info, args, 4) || !GetBytes(env, args[0], &data) || !GetBytes(env, args[1], &table) ||
      !GetU32(env, args[2], &first) || !GetU32(env, args[3], &seed))
    return nullptr;
  size_t cells = data.length / HF_CELL_BYTES;
  if (data.length % HF_CELL_BYTES != 0 || table.length != 4 * cells)
    return Throw(env, "verifyCells: data and table do not belong together");
  std::vector<uint32_t> bad(cells);
  size_t count = hf_verify_cells(seed, first, data.at, cells, table.at, bad.data());
  napi_value result, number;
  napi_create_array_with_length(env, count, &result);
  for (size_t i = 0; i < count; i++) {
    napi_create_uint32(env, bad[i], &number);
    napi_set_element(env, result, static_cast<uint32_t>(i), number);
  }
  return result;
}

void FreeAligned(napi_env, void *memory, void *bytes) { hf_aligned_free(memory, reinterpret_cast<uintptr_t>(bytes)); }

napi_value AlignedBuffer(napi_env env, napi_callback_info info) {
  napi_value args[1];
  uint32_t bytes;
  if (!Arguments(env, info, args, 1) || !GetU32(env, args[0], &bytes)) return nullptr;
  void *memory = hf_aligned_alloc(bytes);
  if (memory == nullptr) return Throw(env, "alignedBuffer: out of memory");
  napi_value result;
  void *size = reinterpret_cast<void *>(static_cast<uintptr_t>(bytes));
  if (napi_create_external_buffer(env, bytes, memory, FreeAligned, size, &result) != napi_ok) {
    hf_aligned_free(memory, bytes);
    return Throw(env, "alignedBuffer: this runtime has no external memory");
  }
  return result;
}

napi_value Listen(napi_env env, napi_callback_info info) {
  napi_value args[1], listener;
  size_t given = 1;
  void *data;
  napi_get_cb_info(env, info, &given, args, nullptr, &data);
  if (GetFunction(env, args[0], &listener)) static_cast<Compute *>(data)->completions->Listen(listener);
  return nullptr;
}

void Stop(void *data) {
  Compute *compute = static_cast<Compute *>(data);
  if (compute->lane != nullptr) compute->completions->Drop(hf_lane_stop(compute->lane));
  delete compute;
}

}  // namespace

void RegisterCompute(napi_env env, napi_value exports) {
  Compute *compute = new Compute();
  compute->completions = new Completions(env, "holdfast.compute", Stop, compute);
  const struct {
    const char *name;
    napi_callback callback;
  } functions[] = {
      {"crc32c", Crc32c},
      {"verifyCells", VerifyCells},
      {"alignedBuffer", AlignedBuffer},
      {"computeListen", Listen},
      {"encode", RunHere<EncodeJob>},
      {"encodeJob", RunThere<EncodeJob>},
      {"decode", RunHere<DecodeJob>},
      {"decodeJob", RunThere<DecodeJob>},
      {"compress", RunHere<CompressJob>},
      {"compressJob", RunThere<CompressJob>},
      {"decompress", RunHere<DecompressJob>},
      {"decompressJob", RunThere<DecompressJob>},
  };
  for (const auto &function : functions) AddFunction(env, exports, function.name, function.callback, compute);
}
