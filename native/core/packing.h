// SHA-256 and zstd frames of single pieces of memory.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_HASH_BYTES 32

// 0, or -1 when the library refuses (out of memory).
int hf_sha256(const void *data, size_t bytes, uint8_t hash[HF_HASH_BYTES]);

// Frame of `data` at level 3 in malloc'ed memory, NULL when there is none.
uint8_t *hf_pack(const void *data, size_t bytes, size_t *packed_bytes);

// 0 when `packed` is one frame that gives exactly `bytes`, else -1.
int hf_unpack(const void *packed, size_t packed_bytes, void *out, size_t bytes);

#ifdef __cplusplus
}
#endif
