// Everything a command prints goes through here: text or JSON on stdout, errors and progress on stderr.
// An error says what happened, to what, and after `try:` what to do. The only place that uses console.
import pc from 'picocolors';
import { HoldfastError, messageOf } from '../base/errors.js';
import { toWireError } from '../daemon/control-protocol.js';
import { Progress } from './progress.js';
import { UsageError } from './usage-error.js';

export const exitCodes = { fine: 0, failed: 1, usage: 2, degraded: 3, busy: 75 } as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof HoldfastError && (error.code === 'volume-busy' || error.code === 'flush-busy' || error.code === 'scrub-busy')) return exitCodes.busy;
  return exitCodes.failed;
}

export class Output {
  readonly json: boolean;
  #frame: string[] | null = null;

  constructor(json: boolean) {
    this.json = json;
    // `holdfast deltas photos | head`: who reads has enough. What the command does goes on, unseen.
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
      });
    }
  }

  /** A line of text; nothing with --json. */
  line(text: string): void {
    if (this.json) return;
    if (this.#frame === null) console.log(text);
    else this.#frame.push(text);
  }

  /** What `draw` prints takes the place of the frame before on a terminal; elsewhere it is a block with an empty line behind it. Nothing with --json. */
  frame(draw: () => void): void {
    if (this.json) return;
    this.#frame = [];
    draw();
    const lines = this.#frame;
    this.#frame = null;
    // Written over in place, each line to its end and what is left below: nothing flickers.
    process.stdout.write(process.stdout.isTTY === true ? `\x1b[H${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J` : `${lines.join('\n')}\n\n`);
  }

  /** The one JSON document of a command; nothing without --json. */
  document(value: unknown): void {
    if (this.json) console.log(JSON.stringify(value, null, 2));
  }

  /** One JSON object a line, for long listings; nothing without --json. */
  record(value: unknown): void {
    if (this.json) console.log(JSON.stringify(value));
  }

  warning(text: string): void {
    console.error(`${pc.yellow('warning:')} ${text}`);
  }

  error(error: unknown): void {
    if (error instanceof UsageError) {
      console.error(`${pc.red('holdfast:')} ${error.message}\n${pc.bold('try:')} holdfast --help`);
      return;
    }
    if (this.json) console.log(JSON.stringify({ error: toWireError(error) }, null, 2));
    // A bug shows where it is; an expected failure does not need that.
    const text = error instanceof HoldfastError || !(error instanceof Error) || isSystemError(error) ? messageOf(error) : (error.stack ?? error.message);
    console.error(`${pc.red('holdfast:')} ${text}`);
    if (error instanceof HoldfastError && error.hint !== undefined) console.error(`${pc.bold('try:')} ${error.hint}`);
  }

  /** Columns as wide as their widest cell; numbers (given as such) to the right. */
  table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
    if (this.json) return;
    const cells = [header, ...rows.map((row) => row.map(String))];
    const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
    cells.forEach((row, index) => {
      const line = row.map((cell, column) => (typeof rows[0]?.[column] === 'number' ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  ');
      this.line(index === 0 ? pc.bold(line.trimEnd()) : line.trimEnd());
    });
  }

  /** Bars on a terminal, now and then a line elsewhere, nothing with --json. */
  progress(): Progress {
    return new Progress(this.json ? 'none' : process.stderr.isTTY === true ? 'bar' : 'lines');
  }
}

function isSystemError(error: Error): boolean {
  return typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
