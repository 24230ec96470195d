// The suites, in the order in which they run, and the files of each, listed from the sources so that stale output never runs.
// Says what may run beside what: a test that owns the machine (its clock, its namespaces, all of its disks) runs alone.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository.js';

export interface Suite {
  readonly name: string;
  /** Files at once. */
  readonly concurrency: number;
  /** Only these run beside one another, in this order; all others afterwards, each alone. Default: all. */
  readonly together?: readonly string[];
  /** For what hangs: many times what a quiet machine takes, since a busy one is no failure. */
  readonly fileTimeoutMs: number;
  /** It only computes: in a run of several suites it works from the start beside the others, in the time that those leave. */
  readonly beside?: boolean;
}

const minute = 60_000;

/**
 * The longest first. Each has a folder, disks, a bucket and daemons of its own and waits for most of its time: for disks, for limits, for
 * ends of processes. Not here: what holds on to mounts of others (a namespace of mounts keeps every mount that there was when it
 * began), freezes a filesystem (which holds up every sync(2)), drops the caches of the machine or is about its limits.
 */
const mountTogether = [
  'drills/kill',
  'drills/pairs-lost',
  'drills/all-lost',
  'drills/disk-lost',
  'drills/disk-change',
  'drills/bucket',
  'drills/database-lost',
  'shutdown',
  'conditions',
  'posix',
  'fuse-native',
  'full-disks',
  'fuse-protocol',
  'semantics',
  'clock-and-twice',
  'writeback',
  'nfs',
];
export const suites: readonly Suite[] = [
  { name: 'tidy', concurrency: 2, fileTimeoutMs: 5 * minute },
  { name: 'unit', concurrency: 2, fileTimeoutMs: 10 * minute },
  { name: 'contract', concurrency: 2, fileTimeoutMs: 15 * minute },
  { name: 'property', concurrency: 2, fileTimeoutMs: 15 * minute },
  { name: 'rules', concurrency: 2, fileTimeoutMs: 30 * minute },
  { name: 'golden', concurrency: 2, fileTimeoutMs: 10 * minute },
  { name: 'crash', concurrency: 1, fileTimeoutMs: 30 * minute },
  { name: 'simulation', concurrency: 2, fileTimeoutMs: 120 * minute, beside: true },
  { name: 'cli', concurrency: 2, fileTimeoutMs: 30 * minute },
  { name: 'posix', concurrency: 1, fileTimeoutMs: 30 * minute },
  { name: 'mount', concurrency: 2, together: mountTogether, fileTimeoutMs: 25 * minute },
];

export interface SuiteFiles {
  /** So many at a time as the suite allows. */
  readonly together: readonly string[];
  /** Afterwards, one at a time. */
  readonly alone: readonly string[];
}

/** Compiled files of a suite, from test/SUITE/**\/*.test.ts; where parts are given, of these only. */
export function filesOf(suite: Suite, parts: readonly string[]): SuiteFiles {
  const folder = join(repositoryRoot, 'test', suite.name);
  if (!existsSync(folder)) return { together: [], alone: [] };
  const all = (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -'.test.ts'.length))
    .sort();
  const together = suite.together ?? all;
  const misnamed = together.filter((name) => !all.includes(name));
  if (misnamed.length > 0) throw new Error(`suites.ts names ${misnamed.join(', ')}, but there is no such file in test/${suite.name}`);
  const asked = (name: string): boolean => parts.length === 0 || parts.some((part) => `${suite.name}/${name}.test.ts`.startsWith(part));
  const compiled = (name: string): string => join(import.meta.dirname, suite.name, `${name}.test.js`);
  return { together: together.filter(asked).map(compiled), alone: all.filter((name) => asked(name) && !together.includes(name)).map(compiled) };
}
