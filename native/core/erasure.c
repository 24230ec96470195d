// Encoding and decoding by ISA-L. Work goes block by block so that the checksums find the bytes still in the cache.
#include "erasure.h"

#include <isa-l/erasure_code.h>
#include <string.h>

#include "checksum.h"
#include "galois.h"

// ISA-L's expanded form of one coefficient.
#define TABLE_BYTES 32

static const size_t block_bytes = 16 * HF_CELL_BYTES;

// Row `index` of the systematic matrix: a unit row for a data shard, else inverse(index xor column).
static void matrix_row(int k, int index, uint8_t *row) {
  memset(row, 0, (size_t)k);
  if (index < k)
    row[index] = 1;
  else
    for (int column = 0; column < k; column++) row[column] = hf_gf_inverse((uint8_t)(index ^ column));
}

// ISA-L's prototypes lack const; it does not write to the sources.
static void multiply(int k, int rows, size_t offset, size_t bytes, uint8_t *tables, const uint8_t *const *sources,
                     uint8_t *const *targets) {
  uint8_t *from[HF_SHARDS_MAX], *to[HF_SHARDS_MAX];
  for (int i = 0; i < k; i++) from[i] = (uint8_t *)sources[i] + offset;
  for (int i = 0; i < rows; i++) to[i] = targets[i] + offset;
  ec_encode_data((int)bytes, k, rows, tables, from, to);
}

void hf_encode(int k, int r, size_t bytes, const uint8_t *const *data, uint8_t *const *parity, uint8_t *const *tables,
               const uint32_t *seeds) {
  uint8_t matrix[HF_SHARDS_MAX * HF_SHARDS_MAX];
  uint8_t expanded[TABLE_BYTES * HF_SHARDS_MAX * HF_SHARDS_MAX];
  for (int j = 0; j < r; j++) matrix_row(k, k + j, matrix + j * k);
  if (r > 0) ec_init_tables(k, r, matrix, expanded);
  for (size_t offset = 0; offset < bytes; offset += block_bytes) {
    size_t length = bytes - offset < block_bytes ? bytes - offset : block_bytes;
    size_t cell = offset / HF_CELL_BYTES;
    if (r > 0) multiply(k, r, offset, length, expanded, data, parity);
    for (int i = 0; i < k + r; i++) {
      const uint8_t *shard = (i < k ? data[i] : parity[i - k]) + offset;
      hf_cell_table(seeds[i], (uint32_t)cell, shard, length / HF_CELL_BYTES, tables[i] + 4 * cell);
    }
  }
}

// Row of the wanted shard in terms of the present ones: its matrix row times the inverse.
static void decode_row(int k, int wanted, const uint8_t *inverse, uint8_t *row) {
  uint8_t plain[HF_SHARDS_MAX];
  matrix_row(k, wanted, plain);
  for (int column = 0; column < k; column++) {
    uint8_t sum = 0;
    for (int i = 0; i < k; i++) sum ^= hf_gf_multiply(plain[i], inverse[i * k + column]);
    row[column] = sum;
  }
}

int hf_decode(int k, size_t bytes, const int *present, const uint8_t *const *shards, int wanted_count,
              const int *wanted, uint8_t *const *out) {
  uint8_t rows[HF_SHARDS_MAX * HF_SHARDS_MAX], inverse[HF_SHARDS_MAX * HF_SHARDS_MAX];
  uint8_t expanded[TABLE_BYTES * HF_SHARDS_MAX * HF_SHARDS_MAX];
  for (int i = 0; i < k; i++) matrix_row(k, present[i], rows + i * k);
  if (hf_gf_invert(rows, inverse, k) != 0) return -1;
  for (int i = 0; i < wanted_count; i++) decode_row(k, wanted[i], inverse, rows + i * k);
  if (wanted_count == 0) return 0;
  ec_init_tables(k, wanted_count, rows, expanded);
  for (size_t offset = 0; offset < bytes; offset += block_bytes) {
    size_t length = bytes - offset < block_bytes ? bytes - offset : block_bytes;
    multiply(k, wanted_count, offset, length, expanded, shards, out);
  }
  return 0;
}
