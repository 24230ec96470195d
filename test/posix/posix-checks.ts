// All POSIX checks by name, and how to run them against any mount point. They are run on a local filesystem first
// (local-filesystem.test.ts): a check that a filesystem of the kernel fails is a wrong check.
import { CheckSkipped, type PosixChecks, type PosixResult, runCheck } from './check.js';
import { aclChecks } from './acl-checks.js';
import { copyChecks } from './copy-checks.js';
import { dataChecks } from './data-checks.js';
import { directoryChecks } from './directory-checks.js';
import { linkChecks } from './link-checks.js';
import { nameChecks } from './name-checks.js';
import { permissionChecks } from './permission-checks.js';
import { rangeChecks } from './range-checks.js';
import { renameChecks } from './rename-checks.js';
import { specialChecks } from './special-checks.js';
import { timeChecks } from './time-checks.js';
import { wideChecks } from './wide-checks.js';
import { xattrChecks } from './xattr-checks.js';

export { CheckSkipped, type PosixResult, runCheck };

const families: Readonly<Record<string, PosixChecks>> = {
  names: nameChecks,
  links: linkChecks,
  rename: renameChecks,
  data: dataChecks,
  copies: copyChecks,
  ranges: rangeChecks,
  wide: wideChecks,
  times: timeChecks,
  permissions: permissionChecks,
  acls: aclChecks,
  directories: directoryChecks,
  xattrs: xattrChecks,
  special: specialChecks,
};

/** `family: sentence` -> check. */
export const posixChecks: PosixChecks = Object.fromEntries(
  Object.entries(families).flatMap(([family, checks]) => Object.entries(checks).map(([name, check]) => [`${family}: ${name}`, check])),
);

/** Runs all checks (or those whose name has `part` in it) one after another in `dir`, which is on the filesystem to judge. */
export async function runPosixChecks(dir: string, part = ''): Promise<readonly PosixResult[]> {
  const results: PosixResult[] = [];
  for (const [name, check] of Object.entries(posixChecks)) {
    if (name.includes(part)) results.push(await runCheck(dir, name, check));
  }
  return results;
}
