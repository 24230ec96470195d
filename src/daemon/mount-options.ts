// Mount options as given with -o and by flags, applied over the configuration file's. Understands ro, rw, allow_other,
// writeback and words about access times; leaves out what is for mount(8), fstab and systemd (defaults, _netdev, user, ...) and what the kernel's own table
// shows of every FUSE mount; hands the rest to the kernel side. What nobody knows is refused before anything is opened.
import { HoldfastError } from '../base/errors.js';
import { asGenerationId, type GenerationId } from '../base/ids.js';
import { nearestName } from '../config/nearest.js';
import type { MountSettings, VolumeSettings } from '../config/settings.js';
import type { FileSystemOptions } from '../filesystem/options.js';
import { knownFlags } from '../fuse/mount-flags.js';

export interface MountChoices {
  /** Elements of -o, split at commas. */
  readonly options: readonly string[];
  readonly readOnly: boolean;
  /** --prefer-history: 16 hex digits. */
  readonly preferHistory?: string;
}

const ours = ['ro', 'rw', 'noatime', 'relatime', 'strictatime', 'allow_other', 'noallow_other', 'writeback', 'nowriteback'];

/** For mount(8), fstab(5) and systemd.mount(5); or true of every mount of ours (default_permissions). */
const ignored = new Set([
  'defaults',
  'auto',
  'noauto',
  'user',
  'nouser',
  'users',
  'owner',
  'group',
  '_netdev',
  'nofail',
  'silent',
  'loud',
  'norelatime',
  'lazytime',
  'nolazytime',
  'nomand',
  'noiversion',
  'default_permissions',
  '',
]);
/** `user_id=0`, `max_read=...`: in the kernel's table, and therefore in what mount(8) says at a remount. */
const ignoredKeys = new Set(['user', 'uhelper', 'helper', 'comment', 'user_id', 'group_id', 'rootmode', 'fd', 'max_read', 'subtype']);

/** Of these the last holds. */
const accessTimeWords = new Set(['noatime', 'relatime', 'strictatime', 'atime', 'nostrictatime']);

export function applyMountOptions(settings: VolumeSettings, choices: MountChoices): VolumeSettings {
  const file: MountSettings = { ...settings.mount, options: [], readOnly: settings.mount.readOnly || choices.readOnly };
  return { ...settings, mount: [...settings.mount.options, ...choices.options].reduce(withOption, file), preferHistory: historyOf(choices) };
}

function historyOf({ preferHistory }: MountChoices): GenerationId | null {
  if (preferHistory === undefined) return null;
  if (/^[0-9a-f]{16}$/.test(preferHistory)) return asGenerationId(preferHistory);
  throw new HoldfastError('invalid', `${JSON.stringify(preferHistory)} names no history: that is 16 hexadecimal digits`, {
    code: 'prefer-history',
    hint: 'Mount without --prefer-history: where a choice is needed, the error names the histories.',
  });
}

/** What mount(8) gives at a remount is all that shall hold; what it does not name is as on a mount without options. */
export function remountSettings(options: readonly string[]): MountSettings {
  const mount: MountSettings = { options: [], noatime: false, allowOther: false, readOnly: false, writeback: false };
  return options.filter((option) => option !== 'remount').reduce(withOption, mount);
}

/** Is it one that we understand or may leave out? */
export function isKnownOption(option: string): boolean {
  return ours.includes(option) || accessTimeWords.has(option) || isIgnored(option) || knownFlags.includes(option);
}

function withOption(mount: MountSettings, option: string): MountSettings {
  if (option === 'ro') return { ...mount, readOnly: true };
  if (option === 'rw') return { ...mount, readOnly: false };
  if (accessTimeWords.has(option)) return withAccessTimes(mount, option);
  if (option === 'allow_other') return { ...mount, allowOther: true };
  if (option === 'noallow_other') return { ...mount, allowOther: false };
  if (option === 'writeback') return { ...mount, writeback: true };
  if (option === 'nowriteback') return { ...mount, writeback: false };
  if (isIgnored(option)) return mount;
  if (!knownFlags.includes(option)) throw unknown(option);
  return { ...mount, options: [...mount.options, option] };
}

/** The last of these words holds, whether a file or -o has it. */
function withAccessTimes(mount: MountSettings, word: string): MountSettings {
  const others = mount.options.filter((option) => !accessTimeWords.has(option));
  return { ...mount, noatime: word === 'noatime', options: word === 'strictatime' ? [...others, word] : others };
}

/** What the words say about access times. */
export function accessTimesOf(mount: MountSettings): Pick<FileSystemOptions, 'atime' | 'nodiratime'> {
  const atime = mount.noatime ? 'noatime' : mount.options.includes('strictatime') ? 'strictatime' : 'relatime';
  return { atime, nodiratime: mount.options.lastIndexOf('nodiratime') > mount.options.lastIndexOf('diratime') };
}

function isIgnored(option: string): boolean {
  const [key = ''] = option.split('=', 1);
  return ignored.has(option) || /^x-/i.test(option) || (option.includes('=') && ignoredKeys.has(key));
}

function unknown(option: string): HoldfastError {
  const known = [...ours, ...knownFlags.filter((flag) => !ours.includes(flag))];
  const near = nearestName(option, known);
  return new HoldfastError('invalid', `the mount option ${JSON.stringify(option)} is not supported`, {
    code: 'mount-option',
    hint: `${near === null ? '' : `did you mean ${near}? `}supported: ${known.join(', ')}`,
  });
}
