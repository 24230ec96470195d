// Columns that may lie past 2^53 - 1. Rows come as JavaScript numbers, rounded there, so a select says `exact(column)` and the row
// carries a PlainOffset (base/file-offset): fromPlain() makes it exact. Bound parameters need nothing: numbers and bigints are exact.

/** Has no name of its own: `ORDER BY column` still means the column, and uses its index. */
export function exact(column: string): string {
  return `CASE WHEN ${column} <= ${Number.MAX_SAFE_INTEGER} THEN ${column} ELSE CAST(${column} AS TEXT) END`;
}
