// The words that mount(8) and umount(8) give to their helpers (mount(8), "EXTERNAL HELPERS"; umount(8), the same):
//   mount.TYPE SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]      umount.TYPE DIR [-flnrv] [-N NAMESPACE] [-t TYPE]
import { UsageError } from './usage-error.js';

export interface MountWords {
  /** As in fstab: a volume's name, perhaps after `holdfast:`, or the path of its file. */
  readonly spec: string;
  readonly point: string;
  /** Elements of -o. */
  readonly options: readonly string[];
  /** -s: options that nobody knows are no reason to fail. */
  readonly sloppy: boolean;
  /** -f: everything but the mount itself. */
  readonly fake: boolean;
  readonly verbose: boolean;
}

export interface UmountWords {
  readonly point: string;
  /** -l */
  readonly lazy: boolean;
  /** -f */
  readonly force: boolean;
  /** -r: when it is busy, make it read-only. */
  readonly readOnlyInstead: boolean;
  readonly verbose: boolean;
}

/** Letters that are followed by a word of their own. */
const valued = 'oNt';

export function mountWords(args: readonly string[]): MountWords {
  const { places, letters, values } = split(args, 'sfnv');
  const [spec, point] = places;
  if (spec === undefined || point === undefined || places.length > 2) throw new UsageError('mount(8) runs this as: mount.holdfast VOLUME DIR [-sfnv] [-o OPTIONS]');
  const options = values.filter(([letter]) => letter === 'o').flatMap(([, text]) => text.split(','));
  return { spec, point, options, sloppy: letters.has('s'), fake: letters.has('f'), verbose: letters.has('v') };
}

export function umountWords(args: readonly string[]): UmountWords {
  const { places, letters } = split(args, 'flnrvc');
  const [point] = places;
  if (point === undefined || places.length > 1) throw new UsageError('umount(8) runs this as: umount.holdfast DIR [-flnrv]');
  return { point, lazy: letters.has('l'), force: letters.has('f'), readOnlyInstead: letters.has('r'), verbose: letters.has('v') };
}

interface Split {
  readonly places: readonly string[];
  readonly letters: ReadonlySet<string>;
  readonly values: readonly (readonly [string, string])[];
}

function split(args: readonly string[], known: string): Split {
  const places: string[] = [];
  const letters = new Set<string>();
  const values: (readonly [string, string])[] = [];
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith('-') || word === '-') {
      places.push(word);
      continue;
    }
    for (const [index, letter] of [...word.slice(1)].entries()) {
      if (valued.includes(letter)) {
        const attached = word.slice(index + 2);
        const value = attached === '' ? rest.shift() : attached;
        if (value === undefined) throw new UsageError(`-${letter} wants a word after it`);
        if (letter === 'N') throw new UsageError('-N: another mount namespace is not supported; run mount or umount inside it (nsenter)');
        values.push([letter, value]);
        break;
      }
      if (!known.includes(letter)) throw new UsageError(`unknown option -${letter}`);
      letters.add(letter);
    }
  }
  return { places, letters, values };
}
