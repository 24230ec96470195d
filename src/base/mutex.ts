// A lock for asynchronous critical sections: first come, first served. Not re-entrant.

export class Mutex {
  #tail: Promise<void> = Promise.resolve();
  #holders = 0;

  /** Somebody holds it or waits for it. */
  get busy(): boolean {
    return this.#holders > 0;
  }

  /** Runs `section` alone. Its failure is the caller's; the lock goes on. */
  run<T>(section: () => Promise<T>): Promise<T> {
    this.#holders++;
    const result = this.#tail.then(section);
    const leave = (): void => {
      this.#holders--;
    };
    this.#tail = result.then(leave, leave);
    return result;
  }
}
