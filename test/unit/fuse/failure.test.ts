// Failures below a request: an errno for the caller and a line that explains it; a full volume explains itself once in a while.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import { PosixError } from '../../../src/filesystem/contract.js';
import { Failures } from '../../../src/fuse/failure.js';
import { errno, HandClock } from './fake-port.js';

function failures(): { readonly clock: HandClock; readonly lines: string[]; readonly bugs: unknown[]; readonly errnoOf: (error: unknown) => number } {
  const clock = new HandClock();
  const lines: string[] = [];
  const bugs: unknown[] = [];
  const logger = { ...silentLogger, error: (about: object, message: string) => void lines.push(`${message} ${JSON.stringify(about)}`) };
  const made = new Failures({ clock, logger, onFatal: (error) => bugs.push(error) });
  return { clock, lines, bugs, errnoOf: (error) => made.errnoOf(error) };
}

const full = new PosixError(errno.ENOSPC, 'full', new HoldfastError('full', 'no room for 5 bytes', { code: 'volume-full' }));
const lost = new PosixError(errno.EIO, 'lost', new HoldfastError('unavailable', 'a segment has no source', { code: 'segment-lost' }));

test('every failure of its own is a line; a plain refusal is none; a bug is for others', () => {
  const { lines, bugs, errnoOf } = failures();
  assert.deepEqual([errnoOf(lost), errnoOf(lost), errnoOf(new PosixError(errno.ENOENT, 'no'))], [errno.EIO, errno.EIO, errno.ENOENT]);
  assert.equal(lines.length, 2);
  assert.equal(errnoOf(new TypeError('bug')), errno.EIO);
  assert.equal(bugs.length, 1);
});

test('a full volume is one line a minute with how many there were before, however often it is met', () => {
  const { clock, lines, errnoOf } = failures();
  for (let i = 0; i < 1000; i++) assert.equal(errnoOf(full), errno.ENOSPC);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /no room for 5 bytes/);
  clock.advance(60_000);
  errnoOf(full);
  assert.equal(lines.length, 2);
  assert.match(lines[1] ?? '', /"before":999/);
});
