// How the journal ends, in words: closed by its owner, or dead because it can promise nothing any more.
import { HoldfastError } from '../base/errors.js';

export function journalClosed(): HoldfastError {
  return new HoldfastError('closed', 'the journal is closed', { code: 'journal-closed' });
}

export function journalDead(cause: unknown): HoldfastError {
  return new HoldfastError('unavailable', 'the journal cannot go on', {
    code: 'journal-dead',
    hint: 'The volume takes no changes until it is mounted again.',
    cause,
  });
}

/** Not dead: what is to be written waits. */
export function journalFull(cause: unknown): HoldfastError {
  return new HoldfastError('full', 'the disks have no room for the journal: what is not synced yet waits in memory', {
    code: 'journal-full',
    hint: 'Free space on the disks: all goes on by itself then. Nothing that fsync acknowledged is at risk.',
    cause,
  });
}

export function noDiskLeft(cause: unknown): HoldfastError {
  return new HoldfastError('unavailable', 'no disk is left that takes the journal', {
    code: 'journal-no-disk',
    hint: 'Check the disks; the volume takes no changes until it is mounted again.',
    cause,
  });
}
