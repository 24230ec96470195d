// holdfast deltas: the updates that are not in the backup, of one file or of all, in the order they were made.
import { isAbsolute, relative, resolve } from 'node:path';
import { fromPrintable } from '../../base/printable.js';
import { formatBytes } from '../../config/units.js';
import { isWithin } from '../../config/relations.js';
import { type DeltaLine, deltaLine } from '../../daemon/control-methods.js';
import { lockHolder } from '../../daemon/volume-lock.js';
import type { VolumeSettings } from '../../config/settings.js';
import { type Command, jsonOption, optionalText, text, type Values, volumeArgument } from '../command.js';
import type { Output } from '../output.js';
import { perhapsMounted, withDaemon, withOpenVolume } from '../volume.js';

export const deltas: Command = {
  usage: 'deltas <name> [path]',
  summary: 'list the updates that are not in the backup',
  examples: [
    ['deltas photos', ''],
    ['deltas photos 2026/july/tent.jpg', 'of one file, by its path in the volume or below the mount point'],
    ['deltas photos --json', 'one JSON object a line'],
  ],
  options: (parser) => jsonOption(volumeArgument(parser)).positional('path', { type: 'string', describe: 'a file of the volume' }),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const volume = perhapsMounted(text(values, 'name'));
  const path = pathInVolume(optionalText(values, 'path'), volume);
  const listing = new Listing(output);
  await withDaemon(
    volume,
    (client) => client.call('deltas', { path }, { items: (items) => listing.add(items as readonly DeltaLine[]) }), // our own daemon's rows
    ({ settings }) =>
      withOpenVolume(settings, 'deltas', output, async (open) => {
        for (const delta of open.deltas(path === null ? null : fromPrintable(path))) listing.add([deltaLine(delta)]);
      }),
  );
  listing.end();
  return 0;
}

/** Absolute paths below the mount point count from there; others from the volume's root. */
function pathInVolume(path: string | null, settings: Pick<VolumeSettings, 'stateDir'>): string | null {
  if (path === null) return null;
  const mountPoint = lockHolder(settings)?.mountPoint ?? null;
  if (mountPoint !== null && isWithin(resolve(path), mountPoint)) return relative(mountPoint, resolve(path));
  return isAbsolute(path) ? path.replace(/^\/+/, '') : path;
}

class Listing {
  readonly #output: Output;
  #deltas = 0;
  #bytes = 0;
  readonly #files = new Set<number>();

  constructor(output: Output) {
    this.#output = output;
  }

  add(lines: readonly DeltaLine[]): void {
    for (const line of lines) {
      if (this.#deltas === 0) this.#output.line('       LSN  KIND              OFFSET        LENGTH  WHERE                 PATH');
      this.#deltas += 1;
      this.#bytes += line.kind === 'data' ? Number(line.length) : 0;
      this.#files.add(line.ino);
      this.#output.record(line);
      const where = line.segment === null ? '' : `segment ${line.segment}+${line.segmentOffset}`;
      this.#output.line(`${String(line.lsn).padStart(10)}  ${line.kind.padEnd(9)}  ${String(line.offset).padStart(13)} ${String(line.length).padStart(13)}  ${where.padEnd(20)}  ${line.path}`);
    }
  }

  end(): void {
    this.#output.line(this.#deltas === 0 ? 'everything is in the backup' : `${this.#deltas} deltas of ${this.#files.size} files, ${formatBytes(this.#bytes)}`);
  }
}
