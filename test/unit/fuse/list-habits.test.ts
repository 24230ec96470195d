// Who gets attributes with a list: whoever looks at the files of the directory that it listed last.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIno } from '../../../src/base/ids.js';
import { ListHabits } from '../../../src/fuse/list-habits.js';

const [one, two] = [asIno(10), asIno(20)];

test('a thread gets names until it looks at a file of what it listed last', () => {
  const habits = new ListHabits();
  assert.equal(habits.wantsAttributes(1, one, 0), false);
  habits.lookedUp(1, two);
  assert.equal(habits.wantsAttributes(1, two, 0), false, 'a file elsewhere');
  habits.lookedUp(2, two);
  assert.equal(habits.wantsAttributes(1, one, 0), false, 'another thread');
  habits.lookedUp(1, one);
  assert.equal(habits.wantsAttributes(1, two, 0), true);
  assert.equal(habits.wantsAttributes(2, two, 0), false);
});

test('where the kernel asks for attributes after the first part, files were looked at', () => {
  const habits = new ListHabits();
  assert.equal(habits.wantsAttributes(1, one, 1234), true);
  assert.equal(habits.wantsAttributes(1, two, 0), true);
});

test('a bounded number of threads is remembered', () => {
  const habits = new ListHabits();
  habits.wantsAttributes(1, one, 1234);
  for (let pid = 2; pid < 1_100; pid++) habits.wantsAttributes(pid, one, 0);
  assert.equal(habits.wantsAttributes(1, one, 0), false, 'forgotten');
});
