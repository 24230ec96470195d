// Where the data shards of a segment come from: views of its bytes, with zeros past its end. No copy but of the shard that
// contains the end.

/** Views [from, to) of caller-owned bytes that must not be changed. A shard past the end is made of zeros. */
export function zeroPadded(bytes: Buffer): (from: number, to: number) => Buffer {
  return (from, to) => {
    if (to <= bytes.length) return bytes.subarray(from, to);
    const padded = Buffer.alloc(to - from);
    if (from < bytes.length) bytes.copy(padded, 0, from);
    return padded;
  };
}

/** Views of a segment buffer of our own, longer than the segment: its tail past `length` is zeroed in place. */
export function zeroedTail(buffer: Buffer, length: number): (from: number, to: number) => Buffer {
  return (from, to) => {
    if (to > length) buffer.fill(0, Math.max(from, length), to);
    return buffer.subarray(from, to);
  };
}
