// Settings of a volume that does not exist yet, from the words of `init` and `restore`; everything is checked before anything is written.
import { accessSync, constants, existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { HoldfastError, messageOf } from '../base/errors.js';
import { configPathOf } from '../config/lookup.js';
import { isWithin, relationProblems } from '../config/relations.js';
import { type BackupSettings, defaultSettings, type Scheme, type VolumeSettings } from '../config/settings.js';
import { configDir, settingsDefaults } from '../daemon/environment.js';
import { flag, optionalText, type Values } from './command.js';
import { UsageError } from './usage-error.js';

export type SettingsBase = Omit<VolumeSettings, 'parity' | 'tolerance' | 'scheme'>;

/** What the words say about place: name, file, disks, state folder, backup. */
export function newSettings(values: Values, name: string, disks: readonly string[], backup: BackupSettings | null, journalDisks: readonly string[]): SettingsBase {
  const path = configPathOf(name, configDir());
  const plain = basename(path, '.toml');
  const stateDir = resolve(optionalText(values, 'state-dir') ?? `${settingsDefaults().stateParent}/${plain}`);
  return {
    ...defaultSettings(plain, stateDir),
    configPath: path,
    disks: disks.map((disk) => ({ path: resolve(disk) })),
    journal: { disks: journalDisks.map((disk) => ({ path: resolve(disk) })) },
    allowSharedDevice: flag(values, 'allow-shared-device'),
    backup,
  };
}

export function backupOf(values: Values, url: string): BackupSettings | null {
  if (url === 'none') return null;
  const endpoint = optionalText(values, 'endpoint');
  if (url.startsWith('file://')) {
    if (!url.startsWith('file:///')) throw new UsageError(`${url}: a directory is written file:///absolute/dir (three slashes)`);
    if (endpoint !== null) throw new UsageError('--endpoint belongs to an s3:// backup');
  } else if (!/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^\s?#]*)?$/.test(url)) {
    throw new UsageError(`${url}: a backup is s3://bucket/prefix, file:///absolute/dir or none`);
  }
  return { url: url.replace(/\/+$/, ''), endpoint, region: optionalText(values, 'region'), pathStyle: endpoint !== null, profile: optionalText(values, 'profile') };
}

export function schemeOf(values: Values): Scheme | null {
  const scheme = optionalText(values, 'scheme');
  if (scheme === null || scheme === 'parity' || scheme === 'copy') return scheme;
  throw new UsageError(`--scheme ${scheme}: it must be parity or copy`);
}

/** Throws 'invalid', 'missing' or 'conflict'; writes nothing. */
export function checkNewSettings(settings: VolumeSettings): void {
  const problems = relationProblems(settings);
  if (problems.length > 0) {
    throw new HoldfastError('invalid', problems.map(({ key, message }) => `${key}: ${message}`).join('\n'), { code: 'settings-invalid', hint: 'holdfast init --help shows how the parts go together' });
  }
  refuseBadDisks(settings);
  refuseTakenConfig(settings);
}

function refuseBadDisks(settings: VolumeSettings): void {
  const path = settings.configPath;
  for (const disk of [...settings.disks, ...settings.journal.disks]) {
    if (!existsSync(disk.path)) {
      throw new HoldfastError('missing', `the disk ${disk.path} does not exist`, { code: 'disk-missing', hint: 'a disk is a directory on a mounted filesystem of its own: mount it, then mkdir the directory', context: { disk: disk.path } });
    }
    if (!statSync(disk.path).isDirectory()) {
      throw new HoldfastError('invalid', `the disk ${disk.path} is not a directory`, { code: 'disk-not-directory', hint: 'a disk is a directory on a mounted filesystem, not a device', context: { disk: disk.path } });
    }
    if (path !== null && isWithin(path, disk.path)) {
      throw new HoldfastError('invalid', `the configuration file ${path} lies on the disk ${disk.path}`, { code: 'config-on-disk', hint: 'keep it outside the disks', context: { path, disk: disk.path } });
    }
  }
}

function refuseTakenConfig({ configPath: path }: VolumeSettings): void {
  if (path === null) return;
  if (existsSync(path)) {
    throw new HoldfastError('conflict', `there is a volume of that name already: ${path} exists`, { code: 'config-exists', hint: 'choose another name, or remove the file if that volume is gone', context: { path } });
  }
  const folder = nearestFolder(path);
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new HoldfastError('invalid', `the configuration file ${path} cannot be written: ${messageOf(error)}`, {
      code: 'config-unwritable',
      hint: 'run as root, set HOLDFAST_CONFIG_DIR, or name the volume by a path ending in .toml',
      cause: error,
    });
  }
}

/** Makes the state folder for `action`; takes it away again when the action fails and left it empty. */
export async function withNewStateDir<T>(stateDir: string, action: () => Promise<T>): Promise<T> {
  const made = mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  try {
    return await action();
  } catch (error) {
    if (made !== undefined) removeEmpty(stateDir, made);
    throw error;
  }
}

/** From `folder` up to `top`, as long as they are empty. */
function removeEmpty(folder: string, top: string): void {
  for (let path = folder; isWithin(path, top); path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch {
      // Something lives there now: it stays.
      return;
    }
  }
}

function nearestFolder(path: string): string {
  let folder = dirname(path);
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}
