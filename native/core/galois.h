// GF(2^8) with polynomial 0x11d: single products, inverses, and inverse matrices. Only for setting up a code, so plain.
// Our own although ISA-L has them: its gf_mul shares its name with a function that Node exports from its OpenSSL, and
// the dynamic linker would give ISA-L the wrong one. Nothing of ISA-L that calls gf_mul may be used (gf_invert_matrix).
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

uint8_t hf_gf_multiply(uint8_t a, uint8_t b);
// Inverse of 0 is 0.
uint8_t hf_gf_inverse(uint8_t a);
// Inverts an n x n matrix (destroying it) into `inverse`. 0, or -1 when it is singular.
int hf_gf_invert(uint8_t *matrix, uint8_t *inverse, int n);

#ifdef __cplusplus
}
#endif
