// Checksums, erasure code, compression and aligned memory as JavaScript functions.
#include "addon.h"
#include "arguments.h"
#include "checksum.h"
#include "memory.h"

#include <stdint.h>

static napi_value Crc32c(napi_env env, napi_callback_info info) {
  napi_value args[2];
  uint32_t seed;
  Bytes data;
  if (!Arguments(env, info, args, 2) || !GetBytes(env, args[0], &data) || !GetU32(env, args[1], &seed)) return nullptr;
  napi_value result;
  napi_create_uint32(env, hf_crc32c(seed, data.at, data.length), &result);
  return result;
}

static void FreeAligned(napi_env, void *memory, void *bytes) {
  hf_aligned_free(memory, reinterpret_cast<uintptr_t>(bytes));
}

static napi_value AlignedBuffer(napi_env env, napi_callback_info info) {
  napi_value args[1];
  double wanted;
  if (!Arguments(env, info, args, 1) || !GetDouble(env, args[0], &wanted)) return nullptr;
  if (!(wanted >= 0 && wanted <= 4294967295.0)) return Throw(env, "alignedBuffer: size out of range");
  size_t bytes = static_cast<size_t>(wanted);
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

void RegisterCompute(napi_env env, napi_value exports) {
  AddFunction(env, exports, "crc32c", Crc32c);
  AddFunction(env, exports, "alignedBuffer", AlignedBuffer);
}
