// Schoolbook arithmetic; see galois.h for why it is here.
#include "galois.h"

#include <string.h>

uint8_t hf_gf_multiply(uint8_t a, uint8_t b) {
  unsigned product = 0, factor = a;
  for (int bit = 0; bit < 8; bit++) {
    if (b >> bit & 1) product ^= factor;
    factor <<= 1;
    if (factor & 0x100) factor ^= 0x11d;
  }
  return (uint8_t)product;
}

// a^254: the multiplicative group has 255 elements.
uint8_t hf_gf_inverse(uint8_t a) {
  uint8_t result = 1;
  for (int bit = 1; bit < 8; bit++) {
    a = hf_gf_multiply(a, a);
    result = hf_gf_multiply(result, a);
  }
  return result;
}

static void swap_rows(uint8_t *matrix, int n, int a, int b) {
  for (int i = 0; i < n; i++) {
    uint8_t held = matrix[a * n + i];
    matrix[a * n + i] = matrix[b * n + i];
    matrix[b * n + i] = held;
  }
}

static void scale_row(uint8_t *matrix, int n, int row, uint8_t factor) {
  for (int i = 0; i < n; i++) matrix[row * n + i] = hf_gf_multiply(matrix[row * n + i], factor);
}

static void subtract_row(uint8_t *matrix, int n, int from, int row, uint8_t factor) {
  for (int i = 0; i < n; i++) matrix[from * n + i] ^= hf_gf_multiply(matrix[row * n + i], factor);
}

// Gauss-Jordan.
int hf_gf_invert(uint8_t *matrix, uint8_t *inverse, int n) {
  memset(inverse, 0, (size_t)n * (size_t)n);
  for (int i = 0; i < n; i++) inverse[i * n + i] = 1;
  for (int column = 0; column < n; column++) {
    int pivot = column;
    while (pivot < n && matrix[pivot * n + column] == 0) pivot++;
    if (pivot == n) return -1;
    swap_rows(matrix, n, pivot, column);
    swap_rows(inverse, n, pivot, column);
    uint8_t factor = hf_gf_inverse(matrix[column * n + column]);
    scale_row(matrix, n, column, factor);
    scale_row(inverse, n, column, factor);
    for (int row = 0; row < n; row++) {
      factor = matrix[row * n + column];
      if (row == column || factor == 0) continue;
      subtract_row(matrix, n, row, column, factor);
      subtract_row(inverse, n, row, column, factor);
    }
  }
  return 0;
}
