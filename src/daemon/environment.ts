// What the daemon and the commands take from the process's surroundings: environment variables, boot id, the place of this program.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemConfigDir } from '../config/lookup.js';
import type { SettingsDefaults } from '../config/settings-file.js';

/** Folder of NAME.toml files: $HOLDFAST_CONFIG_DIR, else /etc/holdfast. */
export function configDir(): string {
  return process.env['HOLDFAST_CONFIG_DIR'] ?? systemConfigDir;
}

/** $HOLDFAST_STATE_DIR is the parent of state directories of volumes whose file names none. */
export function settingsDefaults(): SettingsDefaults {
  return { stateParent: process.env['HOLDFAST_STATE_DIR'] ?? '/var/lib/holdfast' };
}

/** Changes with every boot: what was not synced before it may be gone. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The compiled entry of the daemon process. */
export function daemonEntry(): string {
  return join(dirname(fileURLToPath(import.meta.url)), 'main.js');
}
