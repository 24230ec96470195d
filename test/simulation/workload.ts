// Random but valid changes against a model: names, attributes, data. Every choice comes from the seed.
import type { SeededRandom } from '../../src/base/random.js';
import type { Clock } from '../../src/base/clock.js';
import { asContentId, asIno } from '../../src/base/ids.js';
import type { Change, Model } from './model.js';

const directory = 0o40000;
const regular = 0o100000;

export class Workload {
  readonly #random: SeededRandom;
  readonly #clock: Clock;
  readonly #fileBytesMax: number;
  #names = 0;

  constructor(random: SeededRandom, clock: Clock, fileBytesMax: number) {
    this.#random = random;
    this.#clock = clock;
    this.#fileBytesMax = fileBytesMax;
  }

  /** A change that the model allows. */
  next(model: Model, nextIno: () => number): Change {
    const roll = this.#random.below(100);
    const files = reachable(model, regular);
    if (files.length === 0 || roll < 14) return this.#create(model, nextIno());
    const ino = this.#pick(files);
    if (roll < 50) return this.#write(model, ino);
    if (roll < 55) return this.#share(model, this.#pick(files), ino);
    if (roll < 62) return { record: { type: 'truncate', ino: asIno(ino), size: this.#random.below(this.#fileBytesMax), time: this.#clock.now() } };
    if (roll === 62) return { record: { type: 'preallocate', ino: asIno(ino), offset: this.#random.below(this.#fileBytesMax), length: 1 + this.#random.below(10_000), time: this.#clock.now() } };
    if (roll < 68) return { record: { type: 'punch', ino: asIno(ino), offset: this.#random.below(this.#fileBytesMax), length: 1 + this.#random.below(20_000), time: this.#clock.now() } };
    if (roll < 74) return { record: { type: 'attribute', ino: asIno(ino), mode: this.#random.below(0o1000), uid: this.#random.below(3), ctime: this.#clock.now() } };
    if (roll < 79) return { record: { type: 'xattr', ino: asIno(ino), name: Buffer.from(`user.${this.#random.below(3)}`), value: this.#random.bytes(this.#random.below(60)), time: this.#clock.now() } };
    if (roll < 84) return { record: { type: 'link', ino: asIno(ino), parent: asIno(this.#pick(reachable(model, directory))), name: this.#name(), time: this.#clock.now() } };
    if (roll < 92) return this.#rename(model);
    return this.#unlink(model);
  }

  #create(model: Model, ino: number): Change {
    const kind = this.#random.below(10);
    if (kind === 2) return this.#temporary(model, ino);
    const mode = kind === 0 ? directory | 0o755 : kind === 1 ? 0o120777 : regular | 0o644;
    return {
      record: {
        type: 'create',
        ino: asIno(ino),
        content: asContentId((mode & 0o170000) === regular ? ino : 0),
        parent: asIno(this.#pick(reachable(model, directory))),
        name: this.#name(),
        mode,
        uid: 0,
        gid: 0,
        rdev: 0,
        target: kind === 1 ? this.#random.bytes(12).map((b) => 97 + (b % 26)) as Buffer : null,
        time: this.#clock.now(),
      },
    };
  }

  #temporary(model: Model, number: number): Change {
    const ino = asIno(number);
    const parent = asIno(this.#pick(reachable(model, directory)));
    return {
      temporary: { type: 'temporary', ino, content: asContentId(number), mode: regular | 0o600, uid: 1, gid: 1, time: this.#clock.now() },
      link: { type: 'link', ino, parent, name: this.#name(), time: this.#clock.now() },
    };
  }

  #write(model: Model, ino: number): Change {
    const size = model.nodes.get(ino)?.data.length ?? 0;
    const length = 1 + this.#random.below(this.#random.below(4) === 0 ? 60_000 : 5_000);
    const append = this.#random.below(2) === 0;
    const offset = Math.min(append ? size : this.#random.below(this.#fileBytesMax), this.#fileBytesMax);
    return { write: { ino, offset, data: this.#random.bytes(length) } };
  }

  #share(model: Model, from: number, to: number): Change {
    const size = model.nodes.get(from)?.data.length ?? 0;
    if (size === 0) return this.#write(model, to);
    const fromOffset = this.#random.below(size);
    const length = 1 + this.#random.below(size - fromOffset);
    const toOffset = this.#random.below(this.#fileBytesMax);
    const overlaps = from === to && Math.abs(fromOffset - toOffset) < length;
    return overlaps ? this.#write(model, to) : { share: { from, fromOffset, to, toOffset, length } };
  }

  #rename(model: Model): Change {
    const [parent, name] = this.#entry(model, regular);
    const [otherParent, otherName] = this.#entry(model, regular);
    const same = model.nodes.get(parent)?.names.get(name) === model.nodes.get(otherParent)?.names.get(otherName);
    const replace = this.#random.below(3) === 0 && !same;
    const exchange = !replace && !same && this.#random.below(3) === 0;
    return {
      record: {
        type: 'rename',
        fromParent: asIno(parent),
        fromName: Buffer.from(name, 'latin1'),
        toParent: asIno(replace || exchange ? otherParent : this.#pick(reachable(model, directory))),
        toName: replace || exchange ? Buffer.from(otherName, 'latin1') : this.#name(),
        exchange,
        time: this.#clock.now(),
      },
    };
  }

  #unlink(model: Model): Change {
    const [parent, name] = this.#entry(model, regular);
    const ino = model.nodes.get(parent)?.names.get(name) ?? 0;
    return { record: { type: 'unlink', ino: asIno(ino), parent: asIno(parent), name: Buffer.from(name, 'latin1'), time: this.#clock.now() } };
  }

  #entry(model: Model, type: number): [number, string] {
    const all: [number, string][] = [];
    for (const folder of reachable(model, directory)) {
      for (const [name, ino] of model.nodes.get(folder)?.names ?? []) if (((model.nodes.get(ino)?.mode ?? 0) & 0o170000) === type) all.push([folder, name]);
    }
    const chosen = all[this.#random.below(all.length)];
    if (chosen === undefined) throw new Error('workload: no entry');
    return chosen;
  }

  #pick(list: readonly number[]): number {
    return list[this.#random.below(list.length)] ?? 1;
  }

  #name(): Buffer {
    // Later lives begin to count anew; the number keeps their names apart.
    return Buffer.from(`n${this.#names++}-${this.#random.below(1e9)}`);
  }
}

function reachable(model: Model, type: number): number[] {
  const found = new Set<number>(type === directory ? [1] : []);
  const walk = (ino: number): void => {
    for (const child of model.nodes.get(ino)?.names.values() ?? []) {
      const mode = model.nodes.get(child)?.mode ?? 0;
      if ((mode & 0o170000) === type) found.add(child);
      if ((mode & 0o170000) === directory) walk(child);
    }
  };
  walk(1);
  return [...found].sort((a, b) => a - b);
}
