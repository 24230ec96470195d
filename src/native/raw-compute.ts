// Raw functions of native/glue/compute.cc: checksums, erasure code, compression, aligned memory.

export interface RawCompute {
  crc32c(data: Uint8Array, seed: number): number;
  alignedBuffer(bytes: number): Buffer;
}
