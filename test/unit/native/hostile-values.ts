// Arguments that no caller of ours would give: wrong types, numbers at every edge, memory that is gone or goes while it is looked at.
import type { SeededRandom } from '../../../src/base/random.js';

const detached = (): Uint8Array => {
  const bytes = new Uint8Array(4096);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
};

/** An array whose element `at` is made by `get`, in the middle of being read. */
export function arrayWithGetter(list: readonly unknown[], at: number, get: () => unknown): unknown[] {
  const array = [...list];
  Object.defineProperty(array, at, { get, enumerable: true, configurable: true });
  return array;
}

const numbers = [Number.NaN, -1, -0, -0.5, 1.5, 31, 32, 33, 255, 4095, 4096, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e308, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
// Nothing of this kind exists where it leads to.
const texts = ['', '.', '..', '../no-such-name-of-holdfast', 'a/../../no-such-name-of-holdfast', '/no-such-name-of-holdfast', 'a//b', 'a\0b', '\0', '\ud800', '\u{10ffff}', 'x'.repeat(256), 'x'.repeat(70_000), 'd/'.repeat(3_000)];

const makers: readonly ((random: SeededRandom) => unknown)[] = [
  (random) => numbers[random.below(numbers.length)],
  (random) => texts[random.below(texts.length)],
  () => undefined,
  () => null,
  () => true,
  () => 10n,
  () => Symbol('hostile'),
  () => ({}),
  () => () => {},
  () => [],
  () => detached(),
  () => Buffer.alloc(0),
  (random) => Buffer.alloc(random.below(70_000)),
  () => new Float64Array(512),
  () => new DataView(new ArrayBuffer(4096), 1),
  () => new Uint8Array(new SharedArrayBuffer(4096)),
  () => new ArrayBuffer(4096),
  () => new Proxy(Buffer.alloc(4096), {}),
  () => new Proxy([Buffer.alloc(4096)], {}),
  () => [Buffer.alloc(4096), detached(), undefined],
  (random) => Array.from({ length: random.below(70) }, () => Buffer.alloc(4096)),
  (random) => Array.from({ length: random.below(70) }, () => numbers[random.below(numbers.length)]),
  () => new Array(2 ** 31 - 1),
  () => new Array(2 ** 32 - 1),
  () => Object.assign([Buffer.alloc(4096)], { length: 40 }),
  () =>
    arrayWithGetter([Buffer.alloc(4096)], 1, () => {
      throw new Error('a getter threw');
    }),
  () => {
    const first = new Uint8Array(4096);
    return arrayWithGetter([first], 1, () => {
      structuredClone(first.buffer, { transfer: [first.buffer] });
      return Buffer.alloc(4096);
    });
  },
  // The same memory several times over.
  () => {
    const same = Buffer.alloc(8192);
    return [same.subarray(0, 4096), same.subarray(2048, 6144), same.subarray(0, 4096)];
  },
];

export function hostileValue(random: SeededRandom): unknown {
  const make = makers[random.below(makers.length)];
  return make?.(random);
}
