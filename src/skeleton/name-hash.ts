// Keyed 52-bit hash of a name: HalfSipHash-2-4 with 64 bits of output, cut to 52.
// Keyed, so that nobody can choose names that collide. Source: Aumasson and Bernstein, SipHash, https://github.com/veorq/SipHash

/** Successive cookies that a name may take when others have its first one. Eight keyed 52-bit collisions do not happen. */
export const probesMax = 8;
/** 0 is the start of a listing, 1 and 2 stand for '.' and '..'. */
const cookieFirst = 8;

/** `key` has 8 bytes. */
export function nameCookie(key: Buffer, name: Buffer): number {
  const k0 = key.readUInt32LE(0);
  const k1 = key.readUInt32LE(4);
  let v0 = k0;
  let v1 = k1 ^ 0xee;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  const length = name.length;
  const whole = length - (length % 4);

  const round = (): void => {
    v0 = (v0 + v1) | 0;
    v1 = (v1 << 5) | (v1 >>> 27);
    v1 ^= v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = (v3 << 8) | (v3 >>> 24);
    v3 ^= v2;
    v0 = (v0 + v3) | 0;
    v3 = (v3 << 7) | (v3 >>> 25);
    v3 ^= v0;
    v2 = (v2 + v1) | 0;
    v1 = (v1 << 13) | (v1 >>> 19);
    v1 ^= v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  };

  for (let at = 0; at < whole; at += 4) {
    const word = name.readInt32LE(at);
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  let last = (length & 0xff) << 24;
  for (let at = whole; at < length; at++) last |= (name[at] ?? 0) << ((at - whole) * 8);
  v3 ^= last;
  round();
  round();
  v0 ^= last;
  v2 ^= 0xee;
  for (let i = 0; i < 4; i++) round();
  const low = (v1 ^ v3) >>> 0;
  v1 ^= 0xdd;
  for (let i = 0; i < 4; i++) round();
  const high = ((v1 ^ v3) >>> 0) & 0xfffff;
  return high * 2 ** 32 + low + cookieFirst;
}
