// The shape of one command, and options that several of them have.
import type { ArgumentsCamelCase, Argv } from 'yargs';
import type { Output } from './output.js';
import { UsageError } from './usage-error.js';

export type Values = ArgumentsCamelCase<Record<string, unknown>>;

export interface Command {
  /** As yargs wants it: `init <name>`. The first word is the command. */
  readonly usage: string;
  readonly summary: string;
  /** Line after `holdfast`, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  options(parser: Argv): Argv;
  /** Gives the exit code; throws what went wrong. */
  run(values: Values, output: Output): Promise<number>;
}

export function jsonOption(parser: Argv): Argv {
  return parser.option('json', { type: 'boolean', default: false, describe: 'print JSON instead of text' });
}

export function volumeArgument(parser: Argv): Argv {
  return parser.positional('name', { type: 'string', demandOption: true, describe: 'volume: NAME, or a path ending in .toml' });
}

/** `--disk A B --disk C`, `--disk A,B`? No: a comma may be part of a path. Every word is one path. */
export function diskOption(parser: Argv, demand: boolean): Argv {
  return parser.option('disk', { type: 'string', array: true, demandOption: demand, describe: 'directories that are the disks (several words, or repeated)' });
}

export function text(values: Values, key: string): string {
  const value = optionalText(values, key);
  if (value === null) throw new UsageError(`${key} is missing`);
  return value;
}

export function optionalText(values: Values, key: string): string | null {
  const value = values[key];
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) throw new UsageError(`--${key} is given more than once`);
  return String(value);
}

export function texts(values: Values, key: string): readonly string[] {
  const value = values[key];
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

export function flag(values: Values, key: string): boolean {
  return values[key] === true;
}

/** A whole number from 0; null when it is not given. */
export function optionalCount(values: Values, key: string): number | null {
  const value = optionalText(values, key);
  if (value === null) return null;
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) throw new UsageError(`--${key} ${value}: it must be a whole number from 0`);
  return number;
}
