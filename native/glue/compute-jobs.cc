// Arguments, work and results of the kinds of computing. Lengths and counts that memory safety needs are checked here.
#include "compute-jobs.h"

#include <stdlib.h>

#include <initializer_list>

#include "checksum.h"
#include "erasure.h"

namespace compute {

static const uint32_t kPiecesMax = 1u << 20;

static bool GetU32s(napi_env env, const std::vector<napi_value> &values, size_t count, std::vector<uint32_t> *out) {
  if (values.size() != count) return WrongType(env, "an array of numbers, one a shard, is expected");
  out->resize(count);
  for (size_t i = 0; i < count; i++)
    if (!GetU32(env, values[i], &(*out)[i])) return false;
  return true;
}

// What must stay alive until the job is done.
static napi_value Kept(napi_env env, std::initializer_list<const std::vector<napi_value> *> lists) {
  std::vector<napi_value> all;
  for (const std::vector<napi_value> *list : lists) all.insert(all.end(), list->begin(), list->end());
  return ArrayOf(env, all);
}

static bool AllOfLength(const std::vector<Bytes> &list, size_t length) {
  for (const Bytes &bytes : list)
    if (bytes.length != length) return false;
  return true;
}

static std::vector<uint8_t *> Addresses(const std::vector<Bytes> &list) {
  std::vector<uint8_t *> out;
  for (const Bytes &bytes : list) out.push_back(bytes.at);
  return out;
}

bool EncodeJob::Read(napi_env env, const napi_value *args, napi_value *keep) {
  std::vector<napi_value> data, parity, tables, seeds;
  if (!GetElements(env, args[0], HF_SHARDS_MAX, &data) || !GetElements(env, args[1], HF_SHARDS_MAX, &parity) ||
      !GetElements(env, args[2], HF_SHARDS_MAX, &tables) || !GetElements(env, args[3], HF_SHARDS_MAX, &seeds))
    return false;
  *keep = Kept(env, {&data, &parity, &tables});
  if (!GetAllBytes(env, data, &data_) || !GetAllBytes(env, parity, &parity_) || !GetAllBytes(env, tables, &tables_) ||
      !GetU32s(env, seeds, tables_.size(), &seeds_))
    return false;
  size_t shards = data_.size() + parity_.size();
  if (data_.empty() || shards > HF_SHARDS_MAX || tables_.size() != shards) return WrongType(env, "wrong shard count");
  size_t bytes = data_[0].length;
  bool fits = bytes % HF_CELL_BYTES == 0 && AllOfLength(data_, bytes) && AllOfLength(parity_, bytes) &&
              AllOfLength(tables_, bytes / HF_CELL_BYTES * 4);
  return fits || WrongType(env, "wrong shard or table length");
}

void EncodeJob::Run() {
  std::vector<uint8_t *> data = Addresses(data_), parity = Addresses(parity_), tables = Addresses(tables_);
  hf_encode(static_cast<int>(data.size()), static_cast<int>(parity.size()), data_[0].length, data.data(),
            parity.data(), tables.data(), seeds_.data());
}

static bool Indexes(const std::vector<uint32_t> &list) {
  for (uint32_t index : list)
    if (index >= HF_SHARDS_MAX) return false;
  return true;
}

bool DecodeJob::Read(napi_env env, const napi_value *args, napi_value *keep) {
  std::vector<napi_value> present, shards, wanted, out;
  if (!GetElements(env, args[0], HF_SHARDS_MAX, &present) || !GetElements(env, args[1], HF_SHARDS_MAX, &shards) ||
      !GetElements(env, args[2], HF_SHARDS_MAX, &wanted) || !GetElements(env, args[3], HF_SHARDS_MAX, &out))
    return false;
  *keep = Kept(env, {&shards, &out});
  if (!GetAllBytes(env, shards, &shards_) || !GetAllBytes(env, out, &out_) ||
      !GetU32s(env, present, shards_.size(), &present_) || !GetU32s(env, wanted, out_.size(), &wanted_))
    return false;
  if (shards_.empty()) return WrongType(env, "no shards");
  if (!AllOfLength(shards_, shards_[0].length) || !AllOfLength(out_, shards_[0].length))
    return WrongType(env, "shards are not equally long");
  return (Indexes(present_) && Indexes(wanted_)) || WrongType(env, "shard index out of range");
}

void DecodeJob::Run() {
  std::vector<uint8_t *> shards = Addresses(shards_), out = Addresses(out_);
  std::vector<int> present(present_.begin(), present_.end()), wanted(wanted_.begin(), wanted_.end());
  error_ = hf_decode(static_cast<int>(shards.size()), shards_[0].length, present.data(), shards.data(),
                     static_cast<int>(wanted.size()), wanted.data(), out.data());
}

CompressJob::~CompressJob() {
  for (Piece &piece : done_) free(piece.packed);
}

bool CompressJob::Read(napi_env env, const napi_value *args, napi_value *keep) {
  std::vector<napi_value> pieces;
  if (!GetElements(env, args[0], kPiecesMax, &pieces)) return false;
  *keep = ArrayOf(env, pieces);
  return GetAllBytes(env, pieces, &pieces_);
}

void CompressJob::Run() {
  done_.resize(pieces_.size());
  for (size_t i = 0; i < pieces_.size() && error_ == 0; i++) {
    const Bytes &from = pieces_[i];
    Piece &to = done_[i];
    error_ = hf_sha256(from.at, from.length, to.hash);
    if (error_ == 0) to.packed = hf_pack(from.at, from.length, &to.bytes);
    if (to.packed == nullptr) error_ = -1;
  }
}

napi_value CompressJob::Result(napi_env env) {
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

bool DecompressJob::Read(napi_env env, const napi_value *args, napi_value *keep) {
  napi_create_array(env, keep);
  napi_set_element(env, *keep, 0, args[0]);
  napi_set_element(env, *keep, 1, args[1]);
  return GetBytes(env, args[0], &packed_) && GetBytes(env, args[1], &out_);
}

void DecompressJob::Run() { error_ = hf_unpack(packed_.at, packed_.length, out_.at, out_.length); }

}  // namespace compute
