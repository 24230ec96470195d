// The life of a daemon process, detached or in the foreground: serve, react to signals, end. Gives the exit code.
import { SystemClock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { systemRandom } from '../base/random.js';
import { readSettingsFile } from '../config/settings-file.js';
import type { VolumeSettings } from '../config/settings.js';
import type { Components } from './components.js';
import { bootId, settingsDefaults } from './environment.js';
import { installLastResort } from './last-resort.js';
import { openLogger } from './logger.js';
import { applyMountOptions, type MountChoices } from './mount-options.js';
import { noticeReady } from './ready-notice.js';
import { ServedVolume } from './served-volume.js';
import { StopSignals } from './stop-signals.js';

export interface DaemonRequest {
  readonly configPath: string;
  readonly reference: string;
  readonly mountPoint: string;
  readonly choices: MountChoices;
  /** Logs go to stderr unless the file says otherwise. */
  readonly foreground: boolean;
}

/** Calls `serving` when the mount answers; rejects when it never does. Resolves after the end, when everything is durable. */
export async function runDaemon(request: DaemonRequest, components: Components, serving: (served: ServedVolume) => void): Promise<void> {
  const readSettings = (): VolumeSettings => applyMountOptions(readSettingsFile(request.configPath, settingsDefaults()), request.choices);
  const settings = readSettings();
  const logger = openLogger(settings.log.level, logPath(settings, request.foreground), { volume: settings.name, pid: process.pid });
  installLastResort(logger);
  const io = { clock: new SystemClock(), random: systemRandom, logger, bootId: bootId() };
  const signals = new StopSignals(logger);
  try {
    const served = await ServedVolume.start({ settings, reference: request.reference, mountPoint: request.mountPoint, readSettings }, io, components);
    process.title = `holdfast ${request.reference} ${served.mountPoint}`;
    signals.serve(served);
    if (request.foreground) await noticeReady(served.mountPoint, logger);
    serving(served);
    await served.ended;
  } catch (error) {
    logger.error({ error: messageOf(error) }, 'the daemon ends with an error');
    throw error;
  } finally {
    logger.close();
  }
}

export function logPath(settings: VolumeSettings, foreground: boolean): string | null {
  return settings.log.filePath ?? (foreground ? null : `${settings.stateDir}/holdfast.log`);
}
