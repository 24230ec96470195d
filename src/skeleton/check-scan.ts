// What the rules of the check share: walking a table in pages, so that no turn gets long and no statement stays open.
import { type FileOffset, fromPlain, type PlainOffset } from '../base/file-offset.js';
import type { CheckFinding } from './contract.js';
import type { Connection } from './connection.js';
import { rowsPerTurnMax } from '../base/limits.js';

/** A rule gives findings, and null wherever it may be interrupted. */
export type Rule = Generator<CheckFinding | null, void>;

/**
 * Rows of a select in the order of `keys` (a unique prefix of an index, also selected under these names); null after each page.
 * A key that is selected as exact() is given as `table.column`, so that the column itself is meant here.
 */
export function* scan<Row extends object>(db: Connection, select: string, keys: readonly string[]): Generator<Row | null, void> {
  const list = keys.join(', ');
  const page = db.prepare<FileOffset[], Row>(
    `${select} ${select.includes(' WHERE ') ? 'AND' : 'WHERE'} (${list}) > (${keys.map(() => '?').join(', ')}) ORDER BY ${list} LIMIT ${rowsPerTurnMax}`,
  );
  let after = keys.map((): FileOffset => -1);
  for (;;) {
    const rows = page.all(...after);
    yield* rows;
    const last = rows.at(-1) as Readonly<Record<string, PlainOffset>> | undefined; // keys are integer columns of the row
    if (last === undefined || rows.length < rowsPerTurnMax) return;
    after = keys.map((key) => fromPlain(last[key.slice(key.indexOf('.') + 1)] ?? -1));
    yield null;
  }
}

export function finding(rule: string, subject: string, detail: string): CheckFinding {
  return { rule, subject, detail };
}
