// The kinds of computing: each reads its arguments, runs without JavaScript, and gives its result.
#pragma once
#include <node_api.h>

#include <vector>

#include "arguments.h"
#include "completions.h"
#include "packing.h"

namespace compute {

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

// (data, parity, tables, seeds)
class EncodeJob : public ComputeJob {
 public:
  bool Read(napi_env env, const napi_value *args, napi_value *keep) override;
  void Run() override;

 private:
  std::vector<Bytes> data_, parity_, tables_;
  std::vector<uint32_t> seeds_;
};

// (present, shards, wanted, out)
class DecodeJob : public ComputeJob {
 public:
  bool Read(napi_env env, const napi_value *args, napi_value *keep) override;
  void Run() override;

 private:
  std::vector<Bytes> shards_, out_;
  std::vector<uint32_t> present_, wanted_;
};

// (pieces) -> [hash, packed, hash, packed, ...]
class CompressJob : public ComputeJob {
 public:
  ~CompressJob() override;
  bool Read(napi_env env, const napi_value *args, napi_value *keep) override;
  void Run() override;
  napi_value Result(napi_env env) override;

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
  bool Read(napi_env env, const napi_value *args, napi_value *keep) override;
  void Run() override;

 private:
  Bytes packed_, out_;
};

}  // namespace compute
