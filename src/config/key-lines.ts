// In which line of a TOML text a key stands, so that an error can name it. A scanner for the subset that people write:
// [tables], dotted and quoted keys, multi-line arrays and strings. What it does not find has no line.

/** Line numbers (from 1) by full key: `flush.bytes`; tables under their own name: `flush`. */
export function keyLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  let table = '';
  let closing: string | null = null;
  text.split('\n').forEach((line, index) => {
    if (closing !== null) {
      if (line.includes(closing)) closing = null;
      return;
    }
    const header = /^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}/.exec(line);
    if (header !== null) {
      table = plainKey(header[1] ?? '');
      note(lines, table, index + 1);
      return;
    }
    const entry = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=\s*(.*)$/.exec(line);
    if (entry === null) return;
    const key = plainKey(entry[1] ?? '');
    note(lines, table === '' ? key : `${table}.${key}`, index + 1);
    closing = openedBy(entry[2] ?? '');
  });
  return lines;
}

function note(lines: Map<string, number>, key: string, line: number): void {
  if (!lines.has(key)) lines.set(key, line);
}

function plainKey(key: string): string {
  return key
    .split('.')
    .map((part) => part.trim().replace(/^["']|["']$/g, ''))
    .join('.');
}

/** What ends a value that goes on over the next lines; null when it ends here. */
function openedBy(value: string): string | null {
  for (const quotes of ['"""', "'''"]) {
    if (value.startsWith(quotes) && !value.slice(3).includes(quotes)) return quotes;
  }
  if (value.startsWith('[') && !value.replace(/"[^"]*"|'[^']*'|#.*$/g, '').includes(']')) return ']';
  return null;
}
