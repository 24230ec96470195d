// Watches a volume's configuration file while it is mounted. New thresholds take effect at once; other changes are told as
// needing a remount; a file that is wrong changes nothing and is told until it is right again. The only place that knows chokidar.
import { basename, dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { type DiskSettings, type Thresholds, thresholdKeys, thresholdsOf, type VolumeSettings } from '../config/settings.js';

export interface ConfigEvents {
  /** Reads the file anew; throws what is wrong with it. */
  readonly read: () => VolumeSettings;
  readonly apply: (thresholds: Thresholds) => void;
}

export class ConfigWatch {
  readonly #mounted: VolumeSettings;
  readonly #events: ConfigEvents;
  readonly #logger: Logger;
  #current: VolumeSettings;
  #watcher: FSWatcher | null = null;
  #reminders: readonly string[] = [];

  constructor(settings: VolumeSettings, events: ConfigEvents, logger: Logger) {
    this.#mounted = settings;
    this.#current = settings;
    this.#events = events;
    this.#logger = logger;
  }

  /** Settings in force: as mounted, with the newest thresholds. */
  get current(): VolumeSettings {
    return this.#current;
  }

  /** What status should say about the file; empty when it agrees with what is in force. */
  get reminders(): readonly string[] {
    return this.#reminders;
  }

  /** Resolves when changes are noticed from now on. */
  start(): Promise<void> {
    const path = this.#mounted.configPath;
    if (path === null) return Promise.resolve();
    // The folder is watched, not the file: editors replace files, and a replaced file is a new one.
    const watcher = watch(dirname(path), {
      depth: 0,
      ignoreInitial: true,
      ignored: (candidate, stats) => stats?.isFile() === true && basename(candidate) !== basename(path),
      awaitWriteFinish: { stabilityThreshold: 150, pollInterval: 50 },
    });
    this.#watcher = watcher;
    watcher.on('add', () => this.reload());
    watcher.on('change', () => this.reload());
    return new Promise((resolve) => {
      watcher.once('ready', resolve);
      watcher.on('error', (error) => {
        this.#logger.warn({ error: messageOf(error) }, 'the configuration file cannot be watched; changes need a remount');
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    await this.#watcher?.close();
  }

  /** A rebuild has put one disk in the place of another: the file, which is changed after it, then says what is in force. */
  replaced(old: string, next: string): void {
    const renamed = (disks: readonly DiskSettings[]): readonly DiskSettings[] => disks.map((disk) => (disk.path === old ? { ...disk, path: next } : disk));
    const { disks, journal } = this.#current;
    this.#current = { ...this.#current, disks: renamed(disks), journal: { ...journal, disks: renamed(journal.disks) } };
  }

  /** Disks came or went: the file says so already, and it is in force. */
  listed(disks: readonly DiskSettings[]): void {
    this.#current = { ...this.#current, disks };
  }

  reload(): void {
    let next: VolumeSettings;
    try {
      next = this.#events.read();
    } catch (error) {
      this.#reminders = [`the configuration file is wrong and was not taken over: ${messageOf(error)}`];
      this.#logger.error({ error: messageOf(error) }, 'the configuration file is wrong; what was in force stays in force');
      return;
    }
    const changed = changedKeys(this.#current, next);
    const thresholds = thresholdKeys.filter((key) => changed.includes(key));
    if (thresholds.length > 0) {
      this.#current = { ...this.#current, ...thresholdsOf(next) };
      this.#events.apply(this.#current);
      this.#logger.info({ changed: thresholds }, 'new thresholds took effect');
    }
    const waiting = changedKeys(this.#current, next);
    this.#reminders = waiting.length === 0 ? [] : [`changes of ${waiting.join(', ')} in the configuration file take effect at the next mount`];
    if (waiting.length > 0) this.#logger.warn({ changed: waiting }, 'changes of these settings take effect at the next mount');
  }
}

function changedKeys(before: VolumeSettings, after: VolumeSettings): readonly (keyof VolumeSettings)[] {
  return (Object.keys(before) as (keyof VolumeSettings)[]).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key])); // keys of the type itself
}
