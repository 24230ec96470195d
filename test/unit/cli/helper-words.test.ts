// The words of mount(8) and umount(8) to their helpers, as util-linux gives them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountWords, umountWords } from '../../../src/cli/helper-words.js';
import { UsageError } from '../../../src/cli/usage-error.js';

test('what mount(8) says: volume, place, options, letters in any form', () => {
  const plain = { spec: 'photos', point: '/mnt', sloppy: false, fake: false, verbose: false };
  assert.deepEqual(mountWords(['photos', '/mnt', '-o', 'rw,noexec,nosuid']), { ...plain, options: ['rw', 'noexec', 'nosuid'] });
  assert.deepEqual(mountWords(['photos', '/mnt', '-sv', '-oro', '-o', 'noatime', '-t', 'fuse.holdfast']), { ...plain, options: ['ro', 'noatime'], sloppy: true, verbose: true });
  assert.deepEqual(mountWords(['-n', '-f', 'photos', '/mnt']), { ...plain, options: [], fake: true });
});

test('what umount(8) says', () => {
  const plain = { point: '/mnt', lazy: false, force: false, readOnlyInstead: false, verbose: false };
  assert.deepEqual(umountWords(['/mnt']), plain);
  assert.deepEqual(umountWords(['/mnt', '-n', '-f', '-v', '-r', '-t', 'fuse.holdfast']), { ...plain, force: true, verbose: true, readOnlyInstead: true });
  assert.deepEqual(umountWords(['/mnt', '-l']), { ...plain, lazy: true });
});

test('words that make no sense are an error of usage', () => {
  for (const words of [[], ['photos'], ['a', 'b', 'c'], ['a', 'b', '-o'], ['a', 'b', '-x'], ['a', 'b', '-N', '1234']]) assert.throws(() => mountWords(words), UsageError, words.join(' '));
  for (const words of [[], ['a', 'b'], ['a', '-x'], ['a', '-N', '/proc/1/ns/mnt']]) assert.throws(() => umountWords(words), UsageError, words.join(' '));
});
