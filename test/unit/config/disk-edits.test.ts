// The list of disks is changed in a file as people write them; everything else stays, character by character.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addDiskToFile, removeDiskFromFile, replaceDiskInFile } from '../../../src/config/disk-edits.js';
import { defaultSettings } from '../../../src/config/settings.js';
import { settingsText } from '../../../src/config/settings-text.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-edits-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'photos.toml');
const tail = 'parity = 1\ntolerance = 1\n\n[flush]\nbytes = "2 GiB" # "/a" stands here as well\n';

function edited(list: string, edit: (path: string) => void): string {
  writeFileSync(path, `# mine\ndisks = ${list}\n${tail}`);
  edit(path);
  const text = readFileSync(path, 'utf8');
  assert.ok(text.startsWith('# mine\ndisks = ') && text.endsWith(`\n${tail}`), 'all else is as it was');
  return text.slice('# mine\ndisks = '.length, -tail.length - 1);
}

const added: readonly (readonly [string, string])[] = [
  ['["/a", "/b"]', '["/a", "/b", "/new"]'],
  ['["/a", "/b",]', '["/a", "/b", "/new",]'],
  ['[\n  "/a",\n  "/b",\n]', '[\n  "/a",\n  "/b",\n  "/new",\n]'],
  ['[\n  "/a",\n  "/b" # the last ] one\n]', '[\n  "/a",\n  "/b", # the last ] one\n  "/new"\n]'],
  ["[ # all\n\t'/a',\n\t'/b', # second\n]", "[ # all\n\t'/a',\n\t'/b', # second\n\t\"/new\",\n]"],
  ['["/a",\n "/b"]', '["/a",\n "/b", "/new"]'],
];

for (const [before, wanted] of added) {
  test(`a disk is added to ${JSON.stringify(before)}`, () =>
    assert.equal(
      edited(before, (file) => addDiskToFile(file, '/new')),
      wanted,
    ));
}

const removed: readonly (readonly [string, string])[] = [
  ['["/a", "/b", "/c"]', '["/a", "/c"]'],
  ['["/a", "/c", "/b/"]', '["/a", "/c"]'],
  ['[\n  "/a",\n  "/b", # goes with it\n  "/c",\n]', '[\n  "/a",\n  "/c",\n]'],
  ["[\n  '/a',\n  '/c',\n  '/b'\n]", "[\n  '/a',\n  '/c',\n]"],
  ['["/b",\n "/a", "/c"]', '["/a", "/c"]'],
];

for (const [before, wanted] of removed) {
  test(`a disk is removed from ${JSON.stringify(before)}`, () =>
    assert.equal(
      edited(before, (file) => removeDiskFromFile(file, '/b')),
      wanted,
    ));
}

test('a disk is replaced where it stands', () => {
  assert.equal(
    edited('["/a", \'/b/\', "/bb"]', (file) => replaceDiskInFile(file, '/b', '/new')),
    '["/a", "/new", "/bb"]',
  );
});

test('what is there already, or not there, changes nothing', () => {
  assert.equal(
    edited('["/a", "/b"]', (file) => addDiskToFile(file, '/b')),
    '["/a", "/b"]',
  );
  assert.equal(
    edited('["/a", "/b"]', (file) => removeDiskFromFile(file, '/c')),
    '["/a", "/b"]',
  );
});

test('the file that init writes can be changed to and fro', () => {
  const text = settingsText({ ...defaultSettings('photos', '/var/lib/x'), disks: [{ path: '/a b' }, { path: '/c"d' }], parity: 1, tolerance: 1 });
  writeFileSync(path, text);
  addDiskToFile(path, '/é');
  assert.notEqual(readFileSync(path, 'utf8'), text);
  removeDiskFromFile(path, '/é');
  assert.equal(readFileSync(path, 'utf8'), text);
});

test('mode and links stay; a list in a form that is not known is left to a person', () => {
  writeFileSync(path, `disks = ["/a", "/b"]\n${tail}`);
  chmodSync(path, 0o640);
  const link = join(folder, 'link.toml');
  symlinkSync(path, link);
  addDiskToFile(link, '/new');
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.match(readFileSync(path, 'utf8'), /"\/new"/);
  const strange = `disks = ["""/a""", "/b"]\n${tail}`;
  writeFileSync(path, strange);
  assert.throws(() => removeDiskFromFile(path, '/a'), { code: 'config-by-hand' });
  assert.equal(readFileSync(path, 'utf8'), strange);
});
