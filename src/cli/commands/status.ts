// holdfast status: how one volume or all are. Exit code 3 when the configured promise does not hold right now.
import { secondsOf, sleep, SystemClock } from '../../base/clock.js';
import { HoldfastError } from '../../base/errors.js';
import { knownVolumes } from '../../config/lookup.js';
import { configDir } from '../../daemon/environment.js';
import type { DaemonStatus } from '../../daemon/served-volume.js';
import { type Command, flag, jsonOption, optionalText, type Values } from '../command.js';
import { exitCodes, type Output } from '../output.js';
import { UsageError } from '../usage-error.js';
import { type OverviewRow, showOverview, showStatus } from '../status-text.js';
import { type PerhapsMounted, perhapsMounted, withDaemon, withOpenVolume } from '../volume.js';

const watchIntervalMs = 1_000;

/** Of a volume that is not mounted: the same without a daemon. */
export type AnyStatus = Omit<DaemonStatus, 'pid' | 'mountpoint' | 'state' | 'uptimeSeconds'> & {
  readonly state: DaemonStatus['state'] | 'unmounted';
  readonly pid: number | null;
  readonly mountpoint: string | null;
  readonly uptimeSeconds: number | null;
};

export const status: Command = {
  usage: 'status [name]',
  summary: 'show how a volume is, or all of them',
  examples: [
    ['status', 'all volumes, in short'],
    ['status photos', ''],
    ['status photos --json', 'for scripts'],
    ['status photos --watch', 'again every second'],
  ],
  options: (parser) =>
    jsonOption(parser)
      .positional('name', { type: 'string', describe: 'volume: NAME, or a path ending in .toml' })
      .option('watch', { type: 'boolean', default: false, describe: 'again every second, until interrupted' }),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const name = optionalText(values, 'name');
  if (name === null && flag(values, 'watch')) throw new UsageError('--watch needs the NAME of a volume');
  if (name === null) return overview(output);
  const volume = perhapsMounted(name);
  if (flag(values, 'watch')) return watch(volume, output);
  const shown = await statusOf(volume, output);
  output.document(shown);
  showStatus(shown, secondsOf(new SystemClock().now()), output);
  return shown.redundancy.held ? 0 : exitCodes.degraded;
}

function statusOf(volume: PerhapsMounted, output: Output): Promise<AnyStatus> {
  return withDaemon<AnyStatus>(
    volume,
    async (client) => (await client.call('status')) as DaemonStatus, // our own daemon's answer
    ({ settings }) =>
      withOpenVolume(settings, 'status', output, async (open) => ({
        name: settings.name,
        pid: null,
        ...(await open.status()),
        state: 'unmounted',
        mountpoint: null,
        readOnly: settings.mount.readOnly,
        configPath: settings.configPath,
        uptimeSeconds: null,
        due: open.due(),
        flushing: false,
        lastFlush: null,
        hooks: [],
        reminders: [],
      })),
  );
}

/** All volumes of the configuration folder; unmounted ones are not opened for this. */
async function overview(output: Output): Promise<number> {
  const rows: OverviewRow[] = [];
  for (const name of knownVolumes(configDir())) {
    try {
      const row = await withDaemon<OverviewRow>(
        perhapsMounted(name),
        async (client) => {
          const shown = (await client.call('status')) as DaemonStatus; // our own daemon's answer
          const { state, mountpoint, pid, backlog, redundancy } = shown;
          return { name, state, mountpoint, pid, held: redundancy.held, backlogBytes: backlog.bytes, note: redundancy.held ? '' : redundancy.reasons.join('; ') };
        },
        async () => ({ name, state: 'unmounted', mountpoint: null, pid: null, held: true, backlogBytes: null, note: '' }),
      );
      rows.push(row);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      rows.push({ name, state: 'unknown', mountpoint: null, pid: null, held: false, backlogBytes: null, note: error.message });
    }
  }
  output.document(rows);
  showOverview(rows, configDir(), output);
  return rows.every((row) => row.held) ? 0 : exitCodes.degraded;
}

/** Until the user interrupts, with the exit code of what was shown last, or the volume is unmounted. */
async function watch(volume: PerhapsMounted, output: Output): Promise<number> {
  const clock = new SystemClock();
  return withDaemon(
    volume,
    async (client) => {
      // The first one only: a second ends it as usual, whatever hangs.
      const interrupted = new Promise<null>((resolve) => void process.once('SIGINT', () => resolve(null)));
      for (let code: number = exitCodes.fine; ; ) {
        const shown = (await Promise.race([client.call('status'), interrupted])) as DaemonStatus | null; // our own daemon's answer
        if (shown === null) return code;
        code = shown.redundancy.held ? exitCodes.fine : exitCodes.degraded;
        output.record(shown);
        output.frame(() => showStatus(shown, secondsOf(clock.now()), output));
        // Nothing else keeps this process alive while it sleeps: when the daemon has gone the next question says so.
        if ((await Promise.race([sleep(clock, watchIntervalMs), interrupted, client.ended])) === null) return code;
      }
    },
    async () => {
      throw new HoldfastError('missing', `volume ${volume.name} is not mounted`, { code: 'not-mounted', hint: `holdfast status ${volume.name} shows an unmounted volume once` });
    },
  );
}
