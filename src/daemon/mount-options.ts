// Mount options as given with -o and by flags, applied over the configuration file's. Understands ro, rw, noatime, relatime,
// allow_other; ignores what mount(8) and fstab add (defaults, _netdev, user, ...); hands the rest to the kernel side.
import { HoldfastError } from '../base/errors.js';
import type { MountSettings, VolumeSettings } from '../config/settings.js';

export interface MountChoices {
  /** Elements of -o, split at commas. */
  readonly options: readonly string[];
  readonly readOnly: boolean;
}

const ignored = new Set(['defaults', 'auto', 'noauto', 'user', 'nouser', 'users', 'owner', 'group', '_netdev', 'nofail', '']);

export function applyMountOptions(settings: VolumeSettings, choices: MountChoices): VolumeSettings {
  let mount: MountSettings = choices.readOnly ? { ...settings.mount, readOnly: true } : settings.mount;
  for (const option of choices.options) mount = withOption(mount, option);
  return { ...settings, mount };
}

function withOption(mount: MountSettings, option: string): MountSettings {
  if (option === 'ro') return { ...mount, readOnly: true };
  if (option === 'rw') return { ...mount, readOnly: false };
  if (option === 'noatime') return { ...mount, noatime: true };
  if (option === 'relatime') return { ...mount, noatime: false };
  if (option === 'allow_other') return { ...mount, allowOther: true };
  if (ignored.has(option) || option.startsWith('x-')) return mount;
  if (option === 'strictatime') {
    throw new HoldfastError('invalid', `the mount option ${JSON.stringify(option)} is not supported`, {
      code: 'mount-option',
      hint: 'supported: ro, rw, noatime, relatime, allow_other, suid, dev, noexec, sync, dirsync',
    });
  }
  return { ...mount, options: [...mount.options, option] };
}
