// How long the kernel may keep attributes: as the settings say, but not at all while the next read of the file is awaited.
import type { Inode } from '../skeleton/contract.js';
import type { EncodeContext } from './operations.js';
import { type Validity, validityOf } from './reply-writer.js';

const noTime = validityOf(0);

export function attributeValidity(context: EncodeContext, inode: Inode): Validity {
  return context.fileSystem.awaitsRead(inode.ino) ? noTime : context.attributeValidity;
}
