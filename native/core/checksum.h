// CRC-32C as RFC 3720 defines it, and the cell tables of shards. Pure functions over memory.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Bytes that one entry of a cell table covers. Equals cellBytes in src/base/limits.ts.
#define HF_CELL_BYTES 4096

// Continues `seed` (0 to begin): hf_crc32c(hf_crc32c(0, a), b) is the checksum of a followed by b.
uint32_t hf_crc32c(uint32_t seed, const void *data, size_t bytes);

// Checksum of cell number `cell` of the shard whose identity hashes to `seed`.
uint32_t hf_cell_crc(uint32_t seed, uint32_t cell, const void *data);

// Table of `cells` little-endian u32 for cells [first, first + cells) that lie one after another at `data`.
void hf_cell_table(uint32_t seed, uint32_t first, const uint8_t *data, size_t cells, uint8_t *table);

// Compares; puts the absolute numbers of wrong cells into `bad` (room for `cells`) and gives their count.
size_t hf_verify_cells(uint32_t seed, uint32_t first, const uint8_t *data, size_t cells, const uint8_t *table,
                       uint32_t *bad);

#ifdef __cplusplus
}
#endif
