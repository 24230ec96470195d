// Which segments are having shard files written right now: the sweeper of strays must not take a file whose record is about
// to be appended for one that was left behind. A segment stays listed for a while after its writing ended (the record
// follows in the next turn), and while a sweep runs nothing leaves the list.
import { segmentName } from '../base/ids.js';
import type { SegmentId } from '../base/ids.js';

const lingering = 64;

export class WriteLedger {
  readonly #active = new Map<string, number>();
  readonly #ended: string[] = [];
  readonly #recent = new Set<string>();
  /** Told the name of each segment that has no write under way any more; true: enough. */
  readonly #ending = new Set<(name: string) => boolean>();
  #sweeps = 0;

  begin(id: SegmentId): void {
    const name = segmentName(id);
    this.#active.set(name, (this.#active.get(name) ?? 0) + 1);
  }

  end(id: SegmentId): void {
    const name = segmentName(id);
    const others = (this.#active.get(name) ?? 1) - 1;
    if (others > 0) this.#active.set(name, others);
    else {
      this.#active.delete(name);
      for (const told of this.#ending) if (told(name)) this.#ending.delete(told);
    }
    this.#ended.push(name);
    this.#recent.add(name);
    this.#forgetOld();
  }

  /** Resolves when all writes that are under way now have ended. */
  async drained(): Promise<void> {
    const waiting = new Set(this.#active.keys());
    if (waiting.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#ending.add((name) => {
        waiting.delete(name);
        if (waiting.size > 0) return false;
        resolve();
        return true;
      });
    });
  }

  protects(id: SegmentId): boolean {
    const name = segmentName(id);
    return this.#active.has(name) || this.#recent.has(name);
  }

  sweepBegins(): void {
    this.#sweeps++;
  }

  sweepEnds(): void {
    this.#sweeps--;
    this.#forgetOld();
  }

  #forgetOld(): void {
    if (this.#sweeps > 0) return;
    if (this.#ended.length <= lingering) return;
    this.#ended.splice(0, this.#ended.length - lingering);
    this.#recent.clear();
    for (const name of this.#ended) this.#recent.add(name);
  }
}
