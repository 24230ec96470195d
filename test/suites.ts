// The suites, in the order in which they run, and the files of each, listed from the sources so that stale output never runs.
// Says what may run beside what: a test that owns the machine (its clock, its namespaces, all of its disks) runs alone.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository.js';

export interface Suite {
  readonly name: string;
  /** Files at once. */
  readonly concurrency: number;
  /** Files that own the machine: they run after the others, one at a time. */
  readonly alone?: readonly string[];
  readonly fileTimeoutMs: number;
  /** It only computes: in a run of several suites it works from the start beside the others, in the time that those leave. */
  readonly beside?: boolean;
}

const minute = 60_000;
export const suites: readonly Suite[] = [
  { name: 'tidy', concurrency: 2, fileTimeoutMs: 2 * minute },
  { name: 'unit', concurrency: 2, fileTimeoutMs: 2 * minute },
  { name: 'contract', concurrency: 2, fileTimeoutMs: 5 * minute },
  { name: 'property', concurrency: 2, fileTimeoutMs: 5 * minute },
  { name: 'rules', concurrency: 2, fileTimeoutMs: 10 * minute },
  { name: 'golden', concurrency: 2, fileTimeoutMs: 2 * minute },
  { name: 'crash', concurrency: 1, fileTimeoutMs: 10 * minute },
  { name: 'simulation', concurrency: 2, fileTimeoutMs: 60 * minute, beside: true },
  { name: 'cli', concurrency: 1, fileTimeoutMs: 5 * minute },
  { name: 'posix', concurrency: 1, fileTimeoutMs: 10 * minute },
  { name: 'mount', concurrency: 1, fileTimeoutMs: 40 * minute },
];

export interface SuiteFiles {
  /** So many at a time as the suite allows. */
  readonly together: readonly string[];
  /** Afterwards, one at a time. */
  readonly alone: readonly string[];
}

/** Compiled files of a suite, from test/SUITE/**\/*.test.ts; where parts are given, of these only. Those in folders, which are the longer ones, come first. */
export function filesOf(suite: Suite, parts: readonly string[]): SuiteFiles {
  const folder = join(repositoryRoot, 'test', suite.name);
  if (!existsSync(folder)) return { together: [], alone: [] };
  const inFolder = (name: string): number => (name.includes('/') ? 0 : 1);
  const names = (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => parts.length === 0 || parts.some((part) => `${suite.name}/${name}`.startsWith(part)))
    .map((name) => name.slice(0, -'.test.ts'.length))
    .sort((a, b) => inFolder(a) - inFolder(b) || (a < b ? -1 : 1));
  const misnamed = parts.length > 0 ? [] : (suite.alone ?? []).filter((name) => !names.includes(name));
  if (misnamed.length > 0) throw new Error(`suites.ts lets ${misnamed.join(', ')} run alone, but there is no such file in test/${suite.name}`);
  const isAlone = (name: string): boolean => suite.alone?.includes(name) === true;
  const compiled = (name: string): string => join(import.meta.dirname, suite.name, `${name}.test.js`);
  return { together: names.filter((name) => !isAlone(name)).map(compiled), alone: names.filter(isAlone).map(compiled) };
}
