// CRC-32C by ISA-L. Its crc32_iscsi leaves the inversions of RFC 3720 to the caller and takes an int length:
// both are settled here, so nobody else calls it.
#include "checksum.h"

#include <isa-l/crc.h>

static const size_t piece_bytes = 1u << 30; // ISA-L counts in int

static void put_u32le(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)value;
  at[1] = (uint8_t)(value >> 8);
  at[2] = (uint8_t)(value >> 16);
  at[3] = (uint8_t)(value >> 24);
}

static uint32_t get_u32le(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t hf_crc32c(uint32_t seed, const void *data, size_t bytes) {
  uint32_t crc = ~seed;
  unsigned char *at = (unsigned char *)data; // ISA-L forgot the const
  while (bytes > 0) {
    size_t piece = bytes < piece_bytes ? bytes : piece_bytes;
    crc = crc32_iscsi(at, (int)piece, crc);
    at += piece;
    bytes -= piece;
  }
  return ~crc;
}

uint32_t hf_cell_crc(uint32_t seed, uint32_t cell, const void *data) {
  uint8_t number[4];
  put_u32le(number, cell);
  return hf_crc32c(hf_crc32c(seed, number, sizeof number), data, HF_CELL_BYTES);
}

void hf_cell_table(uint32_t seed, uint32_t first, const uint8_t *data, size_t cells, uint8_t *table) {
  for (size_t i = 0; i < cells; i++)
    put_u32le(table + 4 * i, hf_cell_crc(seed, first + (uint32_t)i, data + i * HF_CELL_BYTES));
}

size_t hf_verify_cells(uint32_t seed, uint32_t first, const uint8_t *data, size_t cells, const uint8_t *table,
                       uint32_t *bad) {
  size_t count = 0;
  for (size_t i = 0; i < cells; i++) {
    uint32_t cell = first + (uint32_t)i;
    if (hf_cell_crc(seed, cell, data + i * HF_CELL_BYTES) != get_u32le(table + 4 * i)) bad[count++] = cell;
  }
  return count;
}
