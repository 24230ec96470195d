// Checksums, erasure code, compression and aligned memory as JavaScript functions. Everything long exists twice: as a
// plain function, and as a job of the compute threads. Argument values are checked by src/native/codec-arguments.ts;
// here only what memory safety needs is checked again.
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <vector>

#include "addon.h"
#include "arguments.h"
#include "checksum.h"
#include "completions.h"
#include "erasure.h"
#include "memory.h"
#include "packing.h"

namespace {

// Never more threads than this, however many processors there are: the disks are slower by then.
const int kThreadsMax = 16;

struct Compute {
  Completions *completions;
  hf_lane *lane = nullptr; // started with the first job
};

// Work that runs the same way on the caller's thread and on a compute thread.
class ComputeJob : public Job {
 public:
  ComputeJob() { base.run = RunBase; }
  // Reads the arguments from `args` on; false with an exception pending. `keep`: what must stay alive.
  virtual bool Read(napi_env env, const napi_value *args, napi_value *keep) = 0;
  virtual void Run() = 0;
  int Error() const override { return error_; }

  hf_job base{};

 protected:
  int error_ = 0;

 private:
  static void RunBase(hf_job *job) { static_cast<ComputeJob *>(static_cast<Job *>(job->owner))->Run(); }
};

// Buffers of an array, their count bounded; each is also put into `keep`.
bool GetBufferList(napi_env env, napi_value array, uint32_t most, napi_value keep, std::vector<Bytes> *out) {
  uint32_t count, kept;
  if (napi_get_array_length(env, array, &count) != napi_ok) return WrongType(env, "an array of Buffers is expected");
  if (count > most) return WrongType(env, "too many Buffers");
  napi_get_array_length(env, keep, &kept);
  out->resize(count);
  for (uint32_t i = 0; i < count; i++) {
    napi_value element;
    napi_get_element(env, array, i, &element);
    if (!GetBytes(env, element, &(*out)[i])) return false;
    napi_set_element(env, keep, kept + i, element);
  }
  return true;
}

bool GetU32List(napi_env env, napi_value array, size_t count, std::vector<uint32_t> *out) {
  uint32_t length;
  if (napi_get_array_length(env, array, &length) != napi_ok || length != count)
    return WrongType(env, "an array of numbers, one a shard, is expected");
  out->resize(count);
  for (uint32_t i = 0; i < count; i++) {
    napi_value element;
    napi_get_element(env, array, i, &element);
    if (!GetU32(env, element, &(*out)[i])) return false;
  }
  return true;
}

bool AllOfLength(const std::vector<Bytes> &list, size_t length) {
  for (const Bytes &bytes : list)
    if (bytes.length != length) return false;
  return true;
}

std::vector<uint8_t *> Addresses(const std::vector<Bytes> &list) {
  std::vector<uint8_t *> out;
  for (const Bytes &bytes : list) out.push_back(bytes.at);
  return out;
}

// (data, parity, tables, seeds)
class EncodeJob : public ComputeJob {
 public:
  bool Read(napi_env env, const napi_value *args, napi_value *keep) override {
    napi_create_array(env, keep);
    if (!GetBufferList(env, args[0], HF_SHARDS_MAX, *keep, &data_) ||
        !GetBufferList(env, args[1], HF_SHARDS_MAX, *keep, &parity_) ||
        !GetBufferList(env, args[2], HF_SHARDS_MAX, *keep, &tables_) ||
        !GetU32List(env, args[3], tables_.size(), &seeds_))
      return false;
    size_t shards = data_.size() + parity_.size();
    if (data_.empty() || shards > HF_SHARDS_MAX || tables_.size() != shards) return WrongType(env, "wrong shard count");
    size_t bytes = data_[0].length;
    bool fits = bytes % HF_CELL_BYTES == 0 && AllOfLength(data_, bytes) && AllOfLength(parity_, bytes) &&
                AllOfLength(tables_, bytes / HF_CELL_BYTES * 4);
    return fits || WrongType(env, "wrong shard or table length");
  }
  void Run() override {
    std::vector<uint8_t *> data = Addresses(data_), parity = Addresses(parity_), tables = Addresses(tables_);
    hf_encode(static_cast<int>(data.size()), static_cast<int>(parity.size()), data_[0].length, data.data(),
              parity.data(), tables.data(), seeds_.data());
  }

 private:
  std::vector<Bytes> data_, parity_, tables_;
  std::vector<uint32_t> seeds_;
};

// (present, shards, wanted, out)
class DecodeJob : public ComputeJob {
 public:
  bool Read(napi_env env, const napi_value *args, napi_value *keep) override {
    napi_create_array(env, keep);
    if (!GetBufferList(env, args[1], HF_SHARDS_MAX, *keep, &shards_) ||
        !GetBufferList(env, args[3], HF_SHARDS_MAX, *keep, &out_) ||
        !GetU32List(env, args[0], shards_.size(), &present_) || !GetU32List(env, args[2], out_.size(), &wanted_))
      return false;
    if (shards_.empty()) return WrongType(env, "no shards");
    if (!AllOfLength(shards_, shards_[0].length) || !AllOfLength(out_, shards_[0].length))
      return WrongType(env, "shards are not equally long");
    return (Indexes(present_) && Indexes(wanted_)) || WrongType(env, "shard index out of range");
  }
  void Run() override {
    std::vector<uint8_t *> shards = Addresses(shards_), out = Addresses(out_);
    std::vector<int> present(present_.begin(), present_.end()), wanted(wanted_.begin(), wanted_.end());
    error_ = hf_decode(static_cast<int>(shards.size()), shards_[0].length, present.data(), shards.data(),
                       static_cast<int>(wanted.size()), wanted.data(), out.data());
  }

 private:
  static bool Indexes(const std::vector<uint32_t> &list) {
    for (uint32_t index : list)
      if (index >= HF_SHARDS_MAX) return false;
    return true;
  }
  std::vector<Bytes> shards_, out_;
  std::vector<uint32_t> present_, wanted_;
};

// (pieces) -> [hash, packed, hash, packed, ...]
class CompressJob : public ComputeJob {
 public:
  ~CompressJob() override {
    for (Piece &piece : done_) free(piece.packed);
  }
  bool Read(napi_env env, const napi_value *args, napi_value *keep) override {
    napi_create_array(env, keep);
    return GetBufferList(env, args[0], 1u << 20, *keep, &pieces_);
  }
  void Run() override {
    done_.resize(pieces_.size());
    for (size_t i = 0; i < pieces_.size() && error_ == 0; i++) {
      const Bytes &from = pieces_[i];
      Piece &to = done_[i];
      error_ = hf_sha256(from.at, from.length, to.hash);
      if (error_ == 0) to.packed = hf_pack(from.at, from.length, &to.bytes);
      if (to.packed == nullptr) error_ = -1;
    }
  }
  napi_value Result(napi_env env) override {
    napi_value result, hash, packed;
    napi_create_array_with_length(env, 2 * done_.size(), &result);
    for (size_t i = 0; i < done_.size(); i++) {
      napi_create_buffer_copy(env, HF_HASH_BYTES, done_[i].hash, nullptr, &hash);
      napi_create_buffer_copy(env, done_[i].bytes, done_[i].packed, nullptr, &packed);
      napi_set_element(env, result, static_cast<uint32_t>(2 * i), hash);
      napi_set_element(env, result, static_cast<uint32_t>(2 * i + 1), packed);
    }
    return result;
  }

 private:
  struct Piece {
    uint8_t hash[HF_HASH_BYTES];
    uint8_t *packed = nullptr;
    size_t bytes = 0;
  };
  std::vector<Bytes> pieces_;
  std::vector<Piece> done_;
};

// (packed, out): fills `out` exactly, else an error
class DecompressJob : public ComputeJob {
 public:
  bool Read(napi_env env, const napi_value *args, napi_value *keep) override {
    napi_create_array(env, keep);
    napi_set_element(env, *keep, 0, args[0]);
    napi_set_element(env, *keep, 1, args[1]);
    return GetBytes(env, args[0], &packed_) && GetBytes(env, args[1], &out_);
  }
  void Run() override { error_ = hf_unpack(packed_.at, packed_.length, out_.at, out_.length); }

 private:
  Bytes packed_, out_;
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
  if (!GetDouble(env, args[0], &token) || !StartLane(env, compute)) return nullptr;
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
  napi_value args[1];
  size_t given = 1;
  void *data;
  napi_get_cb_info(env, info, &given, args, nullptr, &data);
  if (given < 1) return Throw(env, "computeListen: a function is expected");
  static_cast<Compute *>(data)->completions->Listen(args[0]);
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
