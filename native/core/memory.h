// Page-aligned, zeroed memory that is fit for O_DIRECT and not part of any managed heap.
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// NULL when there is none. `bytes` may be 0.
void *hf_aligned_alloc(size_t bytes);
// `bytes` as it was asked for.
void hf_aligned_free(void *memory, size_t bytes);

#ifdef __cplusplus
}
#endif
