// Large pieces come straight from the kernel: they are zeroed lazily and go back at once when freed,
// where malloc would keep them. Small ones come from malloc, since a mapping costs a page and a system call.
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const size_t page_bytes = 4096;
static const size_t mapped_from_bytes = 64 * 1024;
// Segments and their parity: huge pages save most of the faults of filling them and of pinning them for direct I/O.
static const size_t huge_from_bytes = 8 * 1024 * 1024;

void *hf_aligned_alloc(size_t bytes) {
  if (bytes >= mapped_from_bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    if (bytes >= huge_from_bytes) madvise(memory, bytes, MADV_HUGEPAGE); // a wish: small pages do as well
    return memory;
  }
  void *memory = NULL;
  if (posix_memalign(&memory, page_bytes, bytes == 0 ? 1 : bytes) != 0) return NULL;
  return memset(memory, 0, bytes);
}

void hf_aligned_free(void *memory, size_t bytes) {
  if (bytes >= mapped_from_bytes)
    munmap(memory, bytes);
  else
    free(memory);
}
