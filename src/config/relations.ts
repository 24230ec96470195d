// What must hold between settings that are each right by themselves. Gives problems by key of the configuration file;
// also used for settings that come from the command line. Looks at names only: links and devices are volume/init's work.
import type { VolumeSettings } from './settings.js';

export interface Problem {
  /** Key of the configuration file: `flush.bytes`. */
  readonly key: string;
  readonly message: string;
}

/** [] when all is well. */
export function relationProblems(settings: VolumeSettings): readonly Problem[] {
  return [...redundancyProblems(settings), ...pathProblems(settings), ...limitProblems(settings)];
}

/** What `count` disks can hold, in words: for errors about parity and tolerance. */
export function possibleRedundancy(count: number): string {
  if (count === 1) return 'with 1 disk only parity 0 and tolerance 0 are possible';
  return `with ${count} disks parity may be 0 to ${count - 1} and tolerance from parity to ${count - 1}`;
}

function redundancyProblems(settings: VolumeSettings): readonly Problem[] {
  const count = settings.disks.length;
  const problems: Problem[] = [];
  if (settings.parity > count - 1) {
    problems.push({ key: 'parity', message: `${settings.parity} is more than ${count} disk${count === 1 ? '' : 's'} can hold; ${possibleRedundancy(count)}` });
  } else if (settings.tolerance > count - 1) {
    problems.push({ key: 'tolerance', message: `${settings.tolerance} is more than ${count} disk${count === 1 ? '' : 's'} can hold; ${possibleRedundancy(count)}` });
  } else if (settings.tolerance < settings.parity) {
    problems.push({ key: 'tolerance', message: `${settings.tolerance} is below parity ${settings.parity}; it must be at least as much (equal turns the second redundancy off)` });
  }
  return problems;
}

function pathProblems(settings: VolumeSettings): readonly Problem[] {
  const problems: Problem[] = [];
  const disks = [
    ...settings.disks.map((disk) => ({ key: 'disks', path: disk.path })),
    ...settings.journal.disks.map((disk) => ({ key: 'journal.disks', path: disk.path })),
  ];
  disks.forEach(({ key, path }, index) => {
    const other = disks.slice(0, index).find((earlier) => isWithin(path, earlier.path) || isWithin(earlier.path, path));
    if (other === undefined) return;
    problems.push({ key, message: other.path === path ? `${path} is listed twice` : `${path} and ${other.path} overlap; each disk must be a directory of its own` });
  });
  const places: readonly (readonly [string, string | null])[] = [
    ['state_dir', settings.stateDir],
    ['control_socket', settings.controlSocketPath],
    ['log.file', settings.log.filePath],
    ['backup.url', settings.backup === null ? null : backupDirectory(settings.backup.url)],
  ];
  for (const [key, path] of places) {
    const disk = path === null ? undefined : disks.find((candidate) => isWithin(path, candidate.path) || isWithin(candidate.path, path));
    if (disk !== undefined) problems.push({ key, message: `${path} and the disk ${disk.path} overlap; it must lie outside every disk` });
  }
  if (Buffer.byteLength(settings.controlSocketPath) > 107) {
    problems.push({ key: 'control_socket', message: `${settings.controlSocketPath} is longer than the 107 bytes a socket path may have; set control_socket to a shorter path` });
  }
  return problems;
}

function limitProblems(settings: VolumeSettings): readonly Problem[] {
  const { softShare, hardShare } = settings.budget;
  if (softShare < hardShare) return [];
  return [{ key: 'budget.soft', message: `${softShare} must be below budget.hard (${hardShare})` }];
}

/** Directory of a file:// URL; null for other stores. */
export function backupDirectory(url: string): string | null {
  return url.startsWith('file://') ? url.slice('file://'.length) : null;
}

/** True when `path` is `folder` or lies below it; both absolute and normal. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}
