// Who reads a directory to look at its files, and who only wants the names. The kernel asks for attributes with the first part of every
// list (READDIRPLUS); giving them costs several times the list itself, and not giving them costs a LOOKUP for each file that is looked
// at. So a thread gets names until it looks up a file of the directory that it listed last; from then on it gets attributes as well.
import type { Ino } from '../base/ids.js';

interface Habit {
  listed: Ino;
  looksAtFiles: boolean;
}

/** Threads that are remembered; the one that came first is forgotten first, and begins anew. */
const threadsMax = 1_024;

export class ListHabits {
  readonly #habits = new Map<number, Habit>();

  /** A part of a list is asked for, with attributes; after its first part the kernel asks for them only where files were looked at. */
  wantsAttributes(pid: number, directory: Ino, cookie: number): boolean {
    const habit = this.#habits.get(pid);
    if (habit === undefined) {
      if (this.#habits.size >= threadsMax) this.#forgetFirst();
      this.#habits.set(pid, { listed: directory, looksAtFiles: cookie > 0 });
      return cookie > 0;
    }
    habit.listed = directory;
    if (cookie > 0) habit.looksAtFiles = true;
    return habit.looksAtFiles;
  }

  /** A file was found by its name. */
  lookedUp(pid: number, directory: Ino): void {
    const habit = this.#habits.get(pid);
    if (habit !== undefined && habit.listed === directory) habit.looksAtFiles = true;
  }

  #forgetFirst(): void {
    const [first] = this.#habits.keys();
    if (first !== undefined) this.#habits.delete(first);
  }
}
