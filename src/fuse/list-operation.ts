// READDIR and READDIRPLUS: which of the two forms of a list is asked of the file system, and how it is put into the answer.
// An entry that does not fit any more is left for the next part; entries sent with attributes count as references.
import { constants } from 'node:os';
import { rowsPerTurnMax } from '../base/limits.js';
import { type ListedEntry, PosixError } from '../filesystem/contract.js';
import { type NameList, slash } from '../skeleton/name-list.js';
import type { CallOf, EncodeContext, Operation } from './operations.js';
import { direntBytes, entryOutBytes } from './protocol.js';
import { attributeValidity } from './validity.js';

export const readdir: Operation<CallOf<'readdir'>, readonly ListedEntry[] | NameList> = {
  changes: false,
  interruptible: true,
  invoke(fileSystem, call, { habits }) {
    const entryBytesMin = direntBytes + 8 + (call.plus ? entryOutBytes : 0);
    const limit = Math.min(Math.floor(call.room / entryBytesMin), rowsPerTurnMax);
    if (limit === 0) return [];
    return call.plus && habits.wantsAttributes(call.pid, call.ino, call.cookie) ? fileSystem.list(call.ino, call.cookie, limit, true) : fileSystem.listNames(call.ino, call.cookie, limit);
  },
  encode(context, call, list) {
    if ('names' in list) encodeNames(context, call, list);
    else encodeEntries(context, call, list);
    return undefined;
  },
};

function encodeEntries(context: EncodeContext, call: CallOf<'readdir'>, entries: readonly ListedEntry[]): void {
  for (const entry of entries) {
    if (!fits(context, call, entry.name.length)) return;
    encodeListed(context, entry);
    context.writer.dirent(entry.ino, entry.cookie, entry.mode, entry.name, 0, entry.name.length);
  }
}

/** In the form with attributes, node id 0 says that there are none. */
function encodeNames(context: EncodeContext, call: CallOf<'readdir'>, { names, inos, cookies, types }: NameList): void {
  let start = 0;
  for (let index = 0; index < inos.length; index++) {
    let end = start;
    while (end < names.length && names[end] !== slash) end++;
    if (!fits(context, call, end - start)) return;
    if (call.plus) context.writer.zeros(entryOutBytes);
    context.writer.dirent(inos[index] ?? 0, cookies[index] ?? 0, types[index] ?? 0, names, start, end);
    start = end + 1;
  }
}

function fits({ writer }: EncodeContext, call: CallOf<'readdir'>, nameBytes: number): boolean {
  const bytes = Math.ceil((direntBytes + nameBytes) / 8) * 8 + (call.plus ? entryOutBytes : 0);
  if (writer.bodyBytes + bytes <= call.room) return true;
  // Nothing at all would read as the end of the directory.
  if (writer.bodyBytes === 0) throw new PosixError(constants.errno.EINVAL, 'no entry fits');
  return false;
}

function encodeListed(context: EncodeContext, entry: ListedEntry): void {
  if (entry.inode === null) {
    context.writer.zeros(entryOutBytes);
    return;
  }
  context.writer.entryOut(entry.inode, context.entryValidity, attributeValidity(context, entry.inode));
  context.fileSystem.listedPlus(entry.ino);
}
