// Randomness as it is passed into components. The system's is cryptographic; a seeded one replays.
import { randomBytes } from 'node:crypto';

export interface Random {
  bytes(length: number): Buffer;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
}

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  below: (bound) => Math.floor((randomBytes(6).readUIntLE(0, 6) / 2 ** 48) * bound),
};

/** xoshiro128**: small, fast, replayable. Not for secrets. Source: https://prng.di.unimi.it */
export class SeededRandom implements Random {
  readonly #s: Uint32Array;

  constructor(seed: number) {
    let x = seed >>> 0;
    const next = (): number => {
      x = (x + 0x9e3779b9) >>> 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.#s = Uint32Array.of(next(), next(), next(), next());
  }

  u32(): number {
    const s = this.#s as unknown as [number, number, number, number]; // always four words
    const m = Math.imul(s[1], 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  below(bound: number): number {
    return Math.floor((this.u32() / 2 ** 32) * bound);
  }

  bytes(length: number): Buffer {
    const out = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.u32();
      for (let j = i; j < Math.min(i + 4, length); j++) out[j] = word >>> ((j - i) * 8);
    }
    return out;
  }
}

/** RFC 9562 version 4 UUID. */
export function uuid(random: Random): string {
  const b = random.bytes(16);
  b[6] = ((b[6] ?? 0) & 0x0f) | 0x40;
  b[8] = ((b[8] ?? 0) & 0x3f) | 0x80;
  const h = b.toString('hex');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}
