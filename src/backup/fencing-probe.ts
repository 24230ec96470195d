// Can a store decide which of several writers came first? Asked with small races on throw-away keys: some stores ignore the condition,
// some honour it one at a time and let several writers win at once.
import { isErrorOf } from '../base/errors.js';
import type { Random } from '../base/random.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import { probePrefix } from './keys.js';

const rounds = 2;
const racers = 8;
/** A round whose winner lost its reply proves nothing: so many are held at most. */
const roundsMax = 6;

export interface FencingReport {
  readonly fences: boolean;
  readonly detail: string;
}

/** 'unavailable' and other failures of the store pass through. */
export async function probeFencing(store: ObjectStore, random: Random): Promise<FencingReport> {
  const name = random.bytes(8).toString('hex');
  const keys: string[] = [];
  try {
    for (let round = 0, decided = 0; round < roundsMax; round++) {
      const key = `${probePrefix}${name}-${round}`;
      keys.push(key);
      const verdict = await race(store, key);
      if (verdict === 'undecided') continue;
      if (verdict !== null) return { fences: false, detail: verdict };
      if (++decided === rounds) return { fences: true, detail: `one of ${racers} writers won, ${rounds} times` };
    }
    return { fences: false, detail: `no winner was seen in ${roundsMax} races` };
  } finally {
    await store.delete(keys);
  }
}

/** null: as it should be; else what was wrong. */
async function race(store: ObjectStore, key: string): Promise<string | 'undecided' | null> {
  const bodies = Array.from({ length: racers }, (_, i) => Buffer.from(`writer ${i} of ${key}`));
  const results = await Promise.allSettled(bodies.map((body) => store.put(key, [body], { ifAbsent: true })));
  const winners: number[] = [];
  for (const [i, result] of results.entries()) {
    if (result.status === 'fulfilled') winners.push(i);
    else if (!isErrorOf(result.reason, 'conflict')) throw result.reason;
  }
  if (winners.length > 1) return `${winners.length} of ${racers} writers of one key all won`;
  const [winner] = winners;
  if (winner === undefined) return 'undecided';
  if (!(await store.get(key)).equals(bodies[winner] ?? Buffer.alloc(0))) return 'the object is not the one of the writer that won';
  try {
    await store.put(key, [Buffer.from('late')], { ifAbsent: true });
    return 'an existing object was overwritten';
  } catch (error) {
    if (isErrorOf(error, 'conflict')) return null;
    throw error;
  }
}
