// Reed-Solomon over GF(2^8) with Cauchy rows: docs of the matrix in src/native/codec.ts. Pure functions over memory.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// k data and r parity shards together.
#define HF_SHARDS_MAX 32

// Makes r parity shards from k data shards of `bytes` each (whole cells), and the cell tables of all k + r.
// The caller has checked 1 <= k, 0 <= r, k + r <= HF_SHARDS_MAX. `tables` and `seeds`: k + r entries.
void hf_encode(int k, int r, size_t bytes, const uint8_t *const *data, uint8_t *const *parity, uint8_t *const *tables,
               const uint32_t *seeds);

// Makes the shards `wanted` from the k shards `present` (distinct indexes below HF_SHARDS_MAX).
// 0, or -1 when the rows cannot be inverted (which Cauchy rows rule out).
int hf_decode(int k, size_t bytes, const int *present, const uint8_t *const *shards, int wanted_count,
              const int *wanted, uint8_t *const *out);

#ifdef __cplusplus
}
#endif
