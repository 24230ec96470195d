// Writes settings as the TOML file that init leaves behind: every key with its value or, commented out, its default,
// each with a word on what it does. Reading it back gives the same settings.
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { HoldfastError } from '../base/errors.js';
import { defaultSettings, type VolumeSettings } from './settings.js';
import { exactBytes, exactDuration } from './units.js';

/** Creates the file, durably; 'conflict' (config-exists) when there is one. */
export function writeSettingsFile(path: string, settings: VolumeSettings): void {
  mkdirSync(dirname(path), { recursive: true });
  let file: number;
  try {
    file = openSync(path, 'wx', 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new HoldfastError('conflict', `${path} exists already`, { code: 'config-exists', hint: 'choose another name, or remove the file if that volume is gone', context: { path } });
  }
  try {
    writeSync(file, settingsText(settings));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  const folder = openSync(dirname(path), 'r');
  try {
    // Durable from here: the directory entry too.
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

export function settingsText(settings: VolumeSettings): string {
  const base = defaultSettings(settings.name, settings.stateDir);
  const { backup, flush, budget, scrub, hooks, mount, log } = settings;
  /** `key = value`, as a comment where it is the default. */
  const line = (key: string, value: unknown, isDefault: boolean, comment: string): string => `${isDefault ? '# ' : ''}${key} = ${toml(value)}${comment === '' ? '' : `  # ${comment}`}`;
  const paths = (disks: readonly { readonly path: string }[]): string => `[${disks.map((disk) => `\n  ${toml(disk.path)},`).join('')}${disks.length > 0 ? '\n' : ''}]`;
  const orNever = (value: number | string | null): number | string => value ?? 'never';
  return `# Holdfast volume ${settings.name}. Every key: docs/operations/configure.md.
# [flush], [budget], [retention], [scrub], [hooks], commit_interval and reprotect_after take effect while mounted; everything else at the next mount.
name = ${toml(settings.name)}
disks = ${paths(settings.disks)}
parity = ${settings.parity}  # so many disks may fail without anybody noticing
tolerance = ${settings.tolerance}  # so many may fail without losing what is not yet in the backup
${line('scheme', settings.scheme, settings.scheme === base.scheme, 'second redundancy: "parity" (delta shards) or "copy" (journal keeps the bytes)')}
${line('allow_shared_device', settings.allowSharedDevice, settings.allowSharedDevice === base.allowSharedDevice, 'disks on one device fail together: for trials only')}
state_dir = ${toml(settings.stateDir)}
${line('control_socket', settings.controlSocketPath, settings.controlSocketPath === base.controlSocketPath, '')}
${line('commit_interval', exactDuration(settings.commitIntervalMs), settings.commitIntervalMs === base.commitIntervalMs, 'what is not fsynced is durable after at most this')}
${line('reprotect_after', settings.reprotectAfterSeconds === null ? 'never' : exactDuration(settings.reprotectAfterSeconds * 1000), settings.reprotectAfterSeconds === base.reprotectAfterSeconds, 'a disk that is gone for so long: its parity is made again on the others; "never": only by rebuild')}
${line('driver', settings.driver, settings.driver === base.driver, '"event-loop", or "fuse-native" where nothing else works')}

${settings.journal.disks.length === 0 ? '# [journal]\n# disks = []  # dedicated journal disks' : `[journal]\ndisks = ${paths(settings.journal.disks)}`}

${
  backup === null
    ? '# No backup: what is lost beyond parity is gone.\n# [backup]\n# url = "s3://bucket/prefix"'
    : [
        '[backup]',
        line('url', backup.url, false, ''),
        backup.endpoint === null ? '# endpoint = "https://host:port"  # S3-compatible store' : line('endpoint', backup.endpoint, false, ''),
        backup.region === null ? '# region = "eu-central-1"' : line('region', backup.region, false, ''),
        line('path_style', backup.pathStyle, backup.pathStyle === (backup.endpoint !== null), 'bucket in the path instead of the host name'),
        backup.profile === null ? '# profile = "name"  # of the AWS credentials file; default: the usual chain' : line('profile', backup.profile, false, ''),
      ].join('\n')
}

[flush]  # to the backup, as soon as one of these holds; "never" turns one off
${line('bytes', flush.bytes === null ? 'never' : exactBytes(flush.bytes), flush.bytes === base.flush.bytes, 'un-backed-up data')}
${line('age', flush.ageSeconds === null ? 'never' : exactDuration(flush.ageSeconds * 1000), flush.ageSeconds === base.flush.ageSeconds, 'of the oldest update')}
${line('count', orNever(flush.count), flush.count === base.flush.count, 'updates')}
${line('fill', orNever(flush.fill), flush.fill === base.flush.fill, 'share of the budget')}
${flush.schedule === null ? '# schedule = "0 3 * * *"  # cron expression' : line('schedule', flush.schedule, false, '')}
${line('at_unmount', flush.atUnmount, flush.atUnmount === base.flush.atUnmount, '')}
${line('lost_disk', flush.lostDisk, flush.lostDisk === base.flush.lostDisk, 'at once when a disk is lost')}

[budget]  # for data that is not yet in the backup
${line('bytes', budget.bytes === null ? 'auto' : exactBytes(budget.bytes), budget.bytes === base.budget.bytes, '"auto": a tenth of the pool')}
${line('soft', budget.softShare, budget.softShare === base.budget.softShare, 'writers are slowed down from here')}
${line('hard', budget.hardShare, budget.hardShare === base.budget.hardShare, 'and wait here')}
${line('when_full', budget.whenFull, budget.whenFull === base.budget.whenFull, '"wait", or "parity-only": drop the second redundancy, loudly')}

[retention]
${line('keep_roots', settings.retention.keepRoots, settings.retention.keepRoots === base.retention.keepRoots, 'points in time kept in the backup')}

[scrub]  # looks at everything on the disks, and heals what has rotted
${line('period', scrub.periodSeconds === null ? 'never' : exactDuration(scrub.periodSeconds * 1000), scrub.periodSeconds === base.scrub.periodSeconds, 'once in this time, spread over it; "never": only by hand')}
${line('rate', exactBytes(scrub.bytesPerSecond), scrub.bytesPerSecond === base.scrub.bytesPerSecond, 'at most so much a second, of all disks together')}

[hooks]  # told when a disk's state changes, and when protection is less than configured or whole again: docs/operations/being-told.md
${hooks.command === null ? '# command = "/usr/local/bin/tell-me"  # run by /bin/sh' : line('command', hooks.command, false, '')}
${hooks.webhook === null ? '# webhook = "https://host/path"  # posted to' : line('webhook', hooks.webhook, false, '')}

[mount]
${line('options', mount.options, mount.options.length === 0, '')}
${line('noatime', mount.noatime, mount.noatime === base.mount.noatime, '')}
${line('allow_other', mount.allowOther, mount.allowOther === base.mount.allowOther, 'let other users in')}
${line('read_only', mount.readOnly, mount.readOnly === base.mount.readOnly, '')}
${line('writeback', mount.writeback, mount.writeback === base.mount.writeback, 'the kernel holds written bytes back: a power loss takes more')}

[log]
${line('level', log.level, log.level === base.log.level, '"debug", "info", "warn", "error"')}
${log.filePath === null ? `# file = ${toml(`${settings.stateDir}/holdfast.log`)}` : line('file', log.filePath, false, '')}
`;
}

/** A value as TOML: texts as basic strings (JSON's escapes are TOML's), lists on one line. */
function toml(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(toml).join(', ')}]` : JSON.stringify(value);
}
