// Which configuration file a volume's NAME means: NAME.toml in the configuration folder, or a path that ends in .toml.
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HoldfastError } from '../base/errors.js';
import { nearestName } from './nearest.js';

export const systemConfigDir = '/etc/holdfast';

/** Where the file of a volume is or would be, whether it exists or not. */
export function configPathOf(name: string, configDir: string): string {
  if (name.endsWith('.toml')) return resolve(name);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw new HoldfastError('invalid', `${JSON.stringify(name)} cannot be the name of a volume`, {
      code: 'volume-name',
      hint: 'use letters, digits, "-", "_" and "." (at most 64), or a path that ends in .toml',
    });
  }
  return join(resolve(configDir), `${name}.toml`);
}

/** Names of the volumes that have a file in the folder, in order. */
export function knownVolumes(configDir: string): readonly string[] {
  if (!existsSync(configDir)) return [];
  return readdirSync(configDir)
    .filter((file) => file.endsWith('.toml'))
    .map((file) => file.slice(0, -'.toml'.length))
    .sort();
}

/** The existing file of a volume; 'missing' (volume-unknown) lists the known ones. */
export function findConfig(name: string, configDir: string): string {
  const path = configPathOf(name, configDir);
  if (existsSync(path)) return path;
  const known = knownVolumes(configDir);
  const near = nearestName(name, known);
  const hint =
    near !== null
      ? `did you mean ${near}?`
      : known.length > 0
        ? `known volumes: ${known.join(', ')}`
        : `no volume is configured in ${configDir}; holdfast init NAME --disk DIR... makes one`;
  throw new HoldfastError('missing', `there is no volume ${name} (${path} does not exist)`, { code: 'volume-unknown', hint, context: { name, path } });
}
