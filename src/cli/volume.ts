// From the NAME on the command line to the volume: its settings, its daemon when it is mounted, or the volume itself, opened
// under its lock for the time of one command.
import { basename } from 'node:path';
import { SystemClock } from '../base/clock.js';
import { HoldfastError, isErrorOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { systemRandom } from '../base/random.js';
import { findConfig } from '../config/lookup.js';
import { daemonPlaces, readSettingsFile } from '../config/settings-file.js';
import type { VolumeSettings } from '../config/settings.js';
import { ControlClient } from '../daemon/control-client.js';
import { bootId, configDir, settingsDefaults } from '../daemon/environment.js';
import { type LockPurpose, VolumeLock } from '../daemon/volume-lock.js';
import type { SystemIo } from '../volume/local-ports.js';
import type { OpenVolume } from '../volume/status.js';
import type { Output } from './output.js';

export interface NamedVolume {
  readonly name: string;
  /** NAME when the file is in the configuration folder, else the file's absolute path: what other commands accept. */
  readonly reference: string;
  readonly settings: VolumeSettings;
}

export function namedVolume(name: string): NamedVolume {
  const path = findConfig(name, configDir());
  return { name, reference: referenceOf(name, path), settings: readSettingsFile(path, settingsDefaults()) };
}

/** What may be mounted: its daemon can be reached although its file has become wrong since the mount. */
export interface PerhapsMounted {
  readonly name: string;
  readonly stateDir: string;
  readonly controlSocketPath: string;
  /** Throws what is wrong with the file. */
  readonly sound: () => NamedVolume;
}

export function perhapsMounted(name: string): PerhapsMounted {
  const path = findConfig(name, configDir());
  try {
    const volume = namedVolume(name);
    return { name: volume.settings.name, stateDir: volume.settings.stateDir, controlSocketPath: volume.settings.controlSocketPath, sound: () => volume };
  } catch (error) {
    if (!isErrorOf(error, 'invalid')) throw error;
    const sound = (): never => {
      throw error;
    };
    return { name: referenceOf(name, path), ...daemonPlaces(path, settingsDefaults()), sound };
  }
}

/** Runs the first action against the daemon when the volume is mounted, else the second. */
export async function withDaemon<T>(volume: PerhapsMounted, mounted: (client: ControlClient) => Promise<T>, unmounted: (volume: NamedVolume) => Promise<T>): Promise<T> {
  const client = await ControlClient.connect(volume.controlSocketPath);
  if (client === null) return alone(volume.sound(), unmounted);
  try {
    return await mounted(client);
  } finally {
    client.close();
  }
}

/** A daemon that holds the lock and does not listen is coming or going: trying again will help. */
async function alone<T>(volume: NamedVolume, action: (volume: NamedVolume) => Promise<T>): Promise<T> {
  try {
    return await action(volume);
  } catch (error) {
    if (!isErrorOf(error, 'conflict') || error.code !== 'volume-mounted') throw error;
    throw new HoldfastError('conflict', `volume ${volume.settings.name} is being mounted or unmounted right now`, { code: 'volume-busy', hint: 'try again in a moment', context: error.context, cause: error });
  }
}

/** Holds the volume's lock while `action` runs. 'conflict' (volume-mounted, volume-busy). */
export async function withLock<T>(settings: VolumeSettings, purpose: LockPurpose, action: (lock: VolumeLock) => Promise<T>): Promise<T> {
  const lock = VolumeLock.acquire(settings, purpose, null);
  try {
    return await action(lock);
  } finally {
    lock.release();
  }
}

/** Opens the volume for one action and closes it, durable, whatever happens. */
export function withOpenVolume<T>(settings: VolumeSettings, purpose: LockPurpose, output: Output, action: (volume: OpenVolume, lock: VolumeLock) => Promise<T>): Promise<T> {
  return withLock(settings, purpose, async (lock) => {
    const { systemComponents } = await import('../daemon/system-components.js');
    const volume = await systemComponents.openVolume(settings, commandIo(output));
    try {
      return await action(volume, lock);
    } finally {
      await volume.close();
    }
  });
}

function referenceOf(name: string, path: string): string {
  return name.endsWith('.toml') ? path : basename(path, '.toml');
}

/** Clock, chance and logs of a command; warnings and errors of the layers below become lines on stderr. */
export function commandIo(output: Output): SystemIo {
  const warn: Logger['warn'] = (fields, message) => {
    const details = Object.entries(fields).map(([key, value]) => `${key}: ${String(value)}`);
    output.warning(details.length === 0 ? message : `${message} (${details.join(', ')})`);
  };
  const logger: Logger = { debug: () => {}, info: () => {}, warn, error: warn };
  return { clock: new SystemClock(), random: systemRandom, logger, bootId: bootId() };
}
