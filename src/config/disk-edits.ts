// Changes the list of disks in a configuration file, and nothing else in it: every other character stays as people wrote it. Atomic and
// durable. What cannot be changed so that exactly the wanted list comes out is left as it is: 'conflict' (config-by-hand).
import { closeSync, fchmodSync, fchownSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { HoldfastError } from '../base/errors.js';
import { keyLines } from './key-lines.js';
import { parseSettings } from './settings-file.js';

/** A new disk's path in the place of an old one. */
export function replaceDiskInFile(path: string, oldDisk: string, newDisk: string): void {
  change(path, `write ${newDisk} in the place of ${oldDisk} by hand`, {
    text: (before) => forms(oldDisk).reduce((text, form) => text.replaceAll(form, () => JSON.stringify(newDisk)), before),
    disks: (before) => before.map((disk) => (disk === oldDisk ? newDisk : disk)),
  });
}

/** A further disk, at the end of the list. Nothing is changed where it is there already. */
export function addDiskToFile(path: string, disk: string): void {
  change(path, `add ${JSON.stringify(disk)} to \`disks\` by hand`, {
    text: (before) => withElement(before, JSON.stringify(disk)),
    disks: (before) => (before.includes(disk) ? before : [...before, disk]),
  });
}

/** Nothing is changed where it is not there. */
export function removeDiskFromFile(path: string, disk: string): void {
  change(path, `remove ${JSON.stringify(disk)} from \`disks\` by hand`, {
    text: (before) => withoutElement(before, forms(disk)),
    disks: (before) => before.filter((one) => one !== disk),
  });
}

interface Change {
  readonly text: (before: string) => string;
  readonly disks: (before: readonly string[]) => readonly string[];
}

function change(path: string, hint: string, { text, disks }: Change): void {
  const before = readFileSync(path, 'utf8');
  const old = listIn(before, path);
  const wanted = disks(old);
  if (JSON.stringify(wanted) === JSON.stringify(old)) return;
  const after = text(before);
  if (!isAsWanted(before, after, wanted, path)) {
    throw new HoldfastError('conflict', `the list of disks in ${path} is not written in a way that can be changed`, { code: 'config-by-hand', hint, context: { path } });
  }
  writeAtomically(path, after);
}

function listIn(text: string, path: string): readonly string[] {
  return parseSettings(text, path).disks.map((disk) => disk.path);
}

/** The list is the wanted one, and all else says what it said. */
function isAsWanted(before: string, after: string, wanted: readonly string[], path: string): boolean {
  const others = (text: string): string => JSON.stringify({ ...parseSettings(text, path), disks: [], journal: null });
  try {
    return JSON.stringify(wanted) === JSON.stringify(listIn(after, path)) && others(before) === others(after);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'config-syntax') throw error;
    return false;
  }
}

/** As it may be written: double quotes (TOML's escapes are JSON's), single quotes, with or without a slash at the end. */
function forms(disk: string): readonly string[] {
  return [JSON.stringify(disk), JSON.stringify(`${disk}/`), `'${disk}'`, `'${disk}/'`];
}

interface Element {
  readonly start: number;
  readonly end: number;
}

/** The texts in the list `disks`, and where its bracket closes; null: it is not there, or written in another way. */
function elementsOf(text: string): { readonly elements: readonly Element[]; readonly close: number } | null {
  const line = keyLines(text).get('disks');
  if (line === undefined) return null;
  const lineStart =
    text
      .split('\n')
      .slice(0, line - 1)
      .join('\n').length + (line > 1 ? 1 : 0);
  const open = text.indexOf('[', lineStart);
  if (open < 0) return null;
  const elements: Element[] = [];
  const token = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|\]/g;
  token.lastIndex = open + 1;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    if (found[0] === ']') return { elements, close: found.index };
    if (!found[0].startsWith('#')) elements.push({ start: found.index, end: token.lastIndex });
  }
  return null;
}

function withElement(text: string, element: string): string {
  const list = elementsOf(text);
  const last = list?.elements.at(-1);
  if (list === null || last === undefined) return text;
  const lineEnd = text.indexOf('\n', last.end);
  const indent = /(?:^|\n)([ \t]*)$/.exec(text.slice(0, last.start))?.[1];
  // On a line of its own where the last one is; its comma and comment stay with it.
  if (indent !== undefined && lineEnd >= 0 && lineEnd < list.close) {
    const rest = text.slice(last.end, lineEnd);
    const comma = /^\s*,/.test(rest) ? '' : ',';
    return `${text.slice(0, last.end)}${comma}${rest}\n${indent}${element}${comma === '' ? ',' : ''}${text.slice(lineEnd)}`;
  }
  return `${text.slice(0, last.end)}, ${element}${text.slice(last.end)}`;
}

function withoutElement(text: string, written: readonly string[]): string {
  const list = elementsOf(text);
  const at = list?.elements.findIndex(({ start, end }) => written.includes(text.slice(start, end))) ?? -1;
  const element = list?.elements[at];
  if (list === null || element === undefined) return text;
  const lineStart = text.lastIndexOf('\n', element.start) + 1;
  const lineEnd = text.indexOf('\n', element.end);
  const alone = text.slice(lineStart, element.start).trim() === '' && lineEnd >= 0 && lineEnd < list.close && /^\s*,?\s*(#.*)?$/.test(text.slice(element.end, lineEnd));
  if (alone) return text.slice(0, lineStart) + text.slice(lineEnd + 1);
  const next = list.elements[at + 1];
  if (next !== undefined) return text.slice(0, element.start) + text.slice(next.start);
  const before = list.elements[at - 1];
  return before === undefined ? text : text.slice(0, before.end) + text.slice(element.end);
}

/** Also where the file is reached by a link: the file itself is replaced, with its owner and mode. */
function writeAtomically(path: string, text: string): void {
  const real = realpathSync(path);
  const { mode, uid, gid } = statSync(real);
  const temporary = `${real}.new`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, text);
    fchownSync(file, uid, gid);
    fchmodSync(file, mode & 0o7777);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, real);
  const folder = openSync(dirname(real), 'r');
  try {
    // Durable from here: after a power loss the old file or the new one is there, whole.
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
