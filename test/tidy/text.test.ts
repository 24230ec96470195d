// How files look: size, the header that says what a file is for, names, and nothing of the machine they were written on.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { filesIn, lineCount, trackedFiles } from './sources.js';

const linesWithReason = 300;
const linesMax = 500;
/** Below this a listed file is long no more. Between the two it may stay listed: it will grow again. */
const linesShort = 250;

/** Files past 300 lines, each with its reason. */
const long: Readonly<Record<string, string>> = {
  'native/glue/channel.cc': 'one class: slots, polling and answers of the device share their state and their life',
  'src/filesystem/filesystem.ts': 'one method an operation, each handed to its family',
  'src/format/records.ts': 'every record with its meaning: the vocabulary of the journal',
  'src/fuse/dispatcher.ts': 'the life of a request, in one place to be read in one go',
  'src/journal/generation-files.ts': 'the files of one term: their places, copies and ends share their state',
  'src/journal/journal.ts': 'the life of a group, with all that its disks may do to it',
  'test/contract/disk-contract.ts': 'one suite that every disk runs',
  'test/mount/fuse-protocol.test.ts': 'a table of checks over one mount',
  'test/property/skeleton.test.ts': 'one history: the records that fit a model, and what must hold after them',
  'test/support/memory-file-system.ts': 'a whole file system, as a stand-in',
  'test/support/memory-volume-tree.ts': 'what each record means, in one switch',
};

const code = [...filesIn('src', '.ts'), ...filesIn('test', '.ts'), ...filesIn('native', '.c', '.cc', '.h')];

test('no source file is longer than 500 lines, and past 300 lines it is listed with a reason', () => {
  const wrong = code
    .map((file) => ({ path: file.path, lines: lineCount(file.text) }))
    .filter(({ path, lines }) => lines > linesMax || (lines > linesWithReason && long[path] === undefined))
    .map(({ path, lines }) => `${path}: ${lines} lines`);
  assert.deepEqual(wrong, []);
});

test('the list of long files names no file that became short or went away', () => {
  const stale = Object.keys(long).filter((path) => !code.some((file) => file.path === path && lineCount(file.text) > linesShort));
  assert.deepEqual(stale, []);
});

test('every source file opens with one to six comment lines that say what it is for', () => {
  const wrong: string[] = [];
  for (const file of [...filesIn('src', '.ts'), ...filesIn('native', '.c', '.cc', '.h')]) {
    const lines = file.text.split('\n');
    const header = lines.findIndex((line) => !line.startsWith('//'));
    if (header < 1 || header > 6) wrong.push(`${file.path}: ${header} comment lines at the top`);
  }
  assert.deepEqual(wrong, []);
});

test('file names are kebab-case', () => {
  const wrong = code.filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.bench)?\.(ts|c|cc|h)$/.test(basename(file.path))).map((file) => file.path);
  assert.deepEqual(wrong, []);
});

test('no tracked file names a path of the machine it was written on', () => {
  // Put together here so that this file does not find itself.
  const homes = ['work', 'root', 'farm', 'home/[a-z]+'].map((name) => `/${name}/`);
  const pattern = new RegExp(`(^|[\\s'"=(:\`])(${homes.join('|')})`, 'm');
  const wrong: string[] = [];
  for (const file of trackedFiles()) {
    if (file.path === 'package-lock.json') continue;
    file.text.split('\n').forEach((line, index) => {
      if (pattern.test(line)) wrong.push(`${file.path}:${index + 1}: ${line.trim().slice(0, 100)}`);
    });
  }
  assert.deepEqual(wrong, []);
});

test('nothing is left marked as to be done, and no test is switched off or alone', () => {
  const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b|\\btest\\.${'only'}\\(|\\b(test|it|describe)\\.(${'todo'})\\(`);
  const wrong: string[] = [];
  for (const file of code) {
    file.text.split('\n').forEach((line, index) => {
      if (marks.test(line)) wrong.push(`${file.path}:${index + 1}: ${line.trim().slice(0, 100)}`);
    });
  }
  assert.deepEqual(wrong, []);
});
