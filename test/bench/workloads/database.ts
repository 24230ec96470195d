// SQLite with synchronous = FULL, one row a transaction, in both of its journal modes; then looked through cold.
import { join } from 'node:path';
import { client } from '../child.js';
import { expectReal, observed, type Stage } from '../stage.js';
import type { Target } from '../target.js';

const secondsMax = 20;

export async function database(stage: Stage, target: Target): Promise<void> {
  const { results, sizes } = stage;
  for (const journal of ['WAL', 'DELETE'] as const) {
    const path = join(target.folder, `${journal}.db`);
    const ran = await observed(target, () => client({ work: 'transactions', path, journal, times: sizes.fsyncs, secondsMax }));
    const [seconds, done] = ran.value;
    results.add(target.name, `SQLite, ${journal}, FULL`, '/s', done / seconds, ran.went, `${(ran.went.flushes / done).toFixed(2)} flushes each`);
    expectReal(stage, target, `flushes of SQLite with ${journal}`, ran.went.flushes, done);
    await target.cold();
    await client({ work: 'check-database', path, rows: done });
  }
}
