// Which terms of the journal are remembered, and from where on a list tells all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asGenerationId, asLsn, NO_LSN } from '../../../src/base/ids.js';
import type { Generation } from '../../../src/format/generation.js';
import { encodeGenerations } from '../../../src/format/generation-codec.js';
import { completeFrom, pruneGenerations } from '../../../src/journal/generations.js';
import { chooseHistory } from '../../../src/journal/true-history.js';
import { diskId, volume } from './journal-world.js';

const members = [diskId(0), diskId(1), diskId(2)];

/** Term i began after record 10 i. */
function terms(count: number): readonly Generation[] {
  return Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    id: asGenerationId((index + 1).toString(16).padStart(16, '0')),
    parentLsn: asLsn(10 * index),
    members,
    journalDisks: members.slice(0, 2),
    tolerance: 1,
  }));
}

const numbers = (generations: readonly Generation[]): readonly number[] => generations.map(({ number }) => number);

test('without a backup the newest thousand stay, and all that images need', () => {
  assert.equal(numbers(pruneGenerations(terms(1_500), asLsn(14_000), null))[0], 501);
  assert.equal(numbers(pruneGenerations(terms(1_500), asLsn(95), null))[0], 10);
  assert.deepEqual(numbers(pruneGenerations(terms(3), asLsn(1_000), null)), [1, 2, 3]);
  assert.deepEqual(pruneGenerations([], NO_LSN, null), []);
});

test('the term of the last known root stays, with all that came after it', () => {
  // Its flush cut at record 95: in term 10, which began after 90.
  assert.equal(numbers(pruneGenerations(terms(3_000), asLsn(29_000), asLsn(95)))[0], 10);
  assert.equal(numbers(pruneGenerations(terms(3_000), asLsn(29_000), asLsn(90)))[0], 10);
  assert.equal(numbers(pruneGenerations(terms(3_000), asLsn(29_000), NO_LSN))[0], 1, 'never flushed: any may have claimed the backup');
  assert.equal(numbers(pruneGenerations(terms(3_000), asLsn(29_000), asLsn(29_995)))[0], 2_001);
});

test('it stays for good, even when the file is full, and the list can still be written and grow by every disk', () => {
  let generations = terms(4_000);
  for (let mount = 0; mount < 500; mount++) {
    const last = generations.at(-1);
    assert.ok(last !== undefined);
    const next = { ...last, number: last.number + 1, id: asGenerationId((last.number + 1).toString(16).padStart(16, '0')), parentLsn: asLsn(last.parentLsn + 10) };
    generations = [...pruneGenerations(generations, last.parentLsn, asLsn(55)), next];
  }
  const [first, second] = numbers(generations);
  assert.equal(first, 6);
  assert.ok(second !== undefined && second > 400);
  assert.ok(generations.length + 64 <= 4_096);
  encodeGenerations(volume, generations);
  // What lies in the gap was ours; it is no second history. What is above the gap and not in the list is.
  assert.equal(completeFrom(generations), second);
  const disk = (index: number, list: readonly Generation[]) => ({ disk: { id: diskId(index), path: `/disks/${index}` }, list, problem: '', seen: [] });
  const away = terms(300);
  assert.equal(chooseHistory([disk(0, generations), disk(1, generations), disk(2, away)], null).generations.length, generations.length);
  const apart = [...generations.slice(0, -50), { ...(generations.at(-50) ?? assert.fail()), id: asGenerationId('f'.repeat(16)), members: [diskId(2)] }];
  assert.throws(() => chooseHistory([disk(0, generations), disk(1, generations), disk(2, apart)], null), { code: 'journal-fork' });
});
