// SHA-256 by OpenSSL (it uses the processor's instructions), frames by zstd. The content size is always in the frame,
// so a wrong length is found before anything is decompressed.
#include "packing.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <zstd.h>

static const int level = 3;

int hf_sha256(const void *data, size_t bytes, uint8_t hash[HF_HASH_BYTES]) {
  unsigned int length = HF_HASH_BYTES;
  return EVP_Digest(data, bytes, hash, &length, EVP_sha256(), NULL) == 1 && length == HF_HASH_BYTES ? 0 : -1;
}

uint8_t *hf_pack(const void *data, size_t bytes, size_t *packed_bytes) {
  size_t room = ZSTD_compressBound(bytes);
  uint8_t *packed = malloc(room);
  if (packed == NULL) return NULL;
  size_t length = ZSTD_compress(packed, room, data, bytes, level);
  if (ZSTD_isError(length)) {
    free(packed);
    return NULL;
  }
  *packed_bytes = length;
  uint8_t *shrunk = realloc(packed, length);
  return shrunk == NULL ? packed : shrunk;
}

int hf_unpack(const void *packed, size_t packed_bytes, void *out, size_t bytes) {
  if (ZSTD_getFrameContentSize(packed, packed_bytes) != bytes) return -1;
  if (ZSTD_findFrameCompressedSize(packed, packed_bytes) != packed_bytes) return -1;
  size_t length = ZSTD_decompress(out, bytes, packed, packed_bytes);
  return !ZSTD_isError(length) && length == bytes ? 0 : -1;
}
