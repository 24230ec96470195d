// holdfast umount: returns when everything is durable and the volume is let go.
import { resolve } from 'node:path';
import { HoldfastError } from '../../base/errors.js';
import { ControlClient } from '../../daemon/control-client.js';
import { clearDeadMount, holdfastMountAt } from '../../daemon/mount-point.js';
import { lockHolder } from '../../daemon/volume-lock.js';
import { type Command, flag, jsonOption, text, type Values } from '../command.js';
import type { Output } from '../output.js';
import { type PerhapsMounted, perhapsMounted } from '../volume.js';

export const umount: Command = {
  usage: 'umount <volume>',
  summary: 'unmount; returns when everything is durable',
  examples: [
    ['umount photos', ''],
    ['umount /srv/photos', ''],
    ['umount photos --lazy', 'although programs still use it'],
  ],
  options: (parser) =>
    jsonOption(parser)
      .positional('volume', { type: 'string', demandOption: true, describe: 'NAME, a path ending in .toml, or the mount point' })
      .option('lazy', { type: 'boolean', default: false, describe: 'take the mount from programs that still use it' }),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const volume = volumeOf(text(values, 'volume'));
  const client = await ControlClient.connect(volume.controlSocketPath);
  if (client === null) return clearAfterDeath(volume, output);
  try {
    await client.call('stop', { lazy: flag(values, 'lazy') });
  } finally {
    client.close();
  }
  output.document({ name: volume.name, unmounted: true });
  output.line(`${volume.name} is unmounted; everything is durable`);
  return 0;
}

/** A word with a slash that is no .toml file is a mount point; the kernel's table says whose. */
function volumeOf(word: string): PerhapsMounted {
  if (!word.includes('/') || word.endsWith('.toml')) return perhapsMounted(word);
  const entry = holdfastMountAt(resolve(word));
  if (entry === null) {
    throw new HoldfastError('missing', `no Holdfast volume is mounted at ${resolve(word)}`, { code: 'not-mounted', hint: 'holdfast status lists the volumes and where they are mounted' });
  }
  return perhapsMounted(entry.source.replace(/^holdfast:/, ''));
}

/** No daemon answers: it was killed and left a dead mount, or there never was one. */
function clearAfterDeath(volume: PerhapsMounted, output: Output): number {
  const { name } = volume;
  const point = lockHolder(volume)?.mountPoint ?? null;
  if (point !== null && clearDeadMount(point)) {
    output.document({ name, unmounted: true, daemonWasGone: true });
    output.line(`the daemon of ${name} was gone; its mount point ${point} is free again. The next mount recovers what it had not closed.`);
    return 0;
  }
  throw new HoldfastError('missing', `volume ${name} is not mounted`, { code: 'not-mounted', hint: `holdfast mount ${name} MOUNTPOINT mounts it` });
}
