// Places in files against plain bigints: around 0, 2^53, 2^63 and everywhere between.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AssertionFailure } from '../../../src/base/assert.js';
import { add, bytesBefore, bytesBetween, type FileOffset, fromPlain, fromWords, highWord, isCanonical, larger, lowWord, pastLargestFile, smaller, subtract, toPlain } from '../../../src/base/file-offset.js';
import { exactMax, largest, place } from '../../support/wide.js';

const near = (centre: bigint): fc.Arbitrary<bigint> => fc.bigInt({ min: centre > 100n ? centre - 100n : 0n, max: centre + 100n });
const wide = fc.oneof(near(0n), near(exactMax), near(largest / 2n), near(largest - 100n), fc.bigInt({ min: 0n, max: largest }));

test('sums, differences and comparisons are those of bigints, and a value has one form', () => {
  fc.assert(
    fc.property(wide, wide, (a, b) => {
      const [x, y] = [place(a), place(b)];
      const [low, high] = a < b ? [a, b] : [b, a];
      for (const [is, should] of [
        [add(x, y), a + b],
        [subtract(x, y), a - b],
        [smaller(x, y), low],
        [larger(x, y), high],
      ] as const) {
        assert.equal(is, place(should));
        assert.ok(isCanonical(is));
      }
      assert.deepEqual([x < y, x > y, x === y, x <= y], [a < b, a > b, a === b, a <= b]);
      assert.equal(pastLargestFile(add(x, y)), a + b > largest);
    }),
    { numRuns: 5_000 },
  );
});

test('bytes between near places are numbers, and far ones are a bug', () => {
  fc.assert(
    fc.property(wide, fc.integer({ min: -(2 ** 26), max: 2 ** 26 }), (a, bytes) => {
      const end = a + BigInt(bytes);
      assert.equal(bytesBetween(place(a), place(end)), bytes);
    }),
    { numRuns: 5_000 },
  );
  assert.throws(() => bytesBetween(0, largest), AssertionFailure);
});

test('a request gets as many bytes as lie before the end', () => {
  fc.assert(
    fc.property(wide, wide, fc.oneof(fc.integer({ min: 0, max: 300 }), fc.maxSafeNat()), (end, from, most) => {
      const there = end > from ? end - from : 0n;
      assert.equal(BigInt(bytesBefore(place(end), place(from), most)), there < most ? there : BigInt(most));
    }),
    { numRuns: 5_000 },
  );
});

test('words of the kernel and plain values come back the same', () => {
  fc.assert(
    fc.property(fc.oneof(wide, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (value) => {
      const it = place(value);
      assert.deepEqual([lowWord(it), highWord(it)], [Number(value % 2n ** 32n), Number(value / 2n ** 32n)]);
      assert.equal(fromWords(lowWord(it), highWord(it)), it);
      assert.equal(fromPlain(JSON.parse(JSON.stringify(toPlain(it))) as number | string), it); // what toPlain gives
    }),
    { numRuns: 5_000 },
  );
});

test('a bigint for what a number holds, and a number that is not exact, are bugs wherever they are reckoned with', () => {
  for (const wrong of [5n, exactMax, -5n, 2 ** 53, 0.5, Number.NaN, Number.POSITIVE_INFINITY] as readonly FileOffset[]) {
    assert.equal(isCanonical(wrong), false, String(wrong));
    assert.throws(() => add(wrong, 1), AssertionFailure, String(wrong));
    assert.throws(() => subtract(largest, wrong), AssertionFailure, String(wrong));
  }
});
