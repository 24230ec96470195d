// The build of better-sqlite3 that fits the running Node (docs/decisions/two-sqlite-majors.md).
import { createRequire } from 'node:module';
import type Database from 'better-sqlite3';

const firstNodeWithNewMajor = 24;

/** Opens databases, exactly like the class that better-sqlite3 exports. */
export const Sqlite = load();

function load(): typeof Database {
  const major = Number(process.versions.node.split('.')[0]);
  return createRequire(import.meta.url)(major >= firstNodeWithNewMajor ? 'better-sqlite3-node24' : 'better-sqlite3');
}
