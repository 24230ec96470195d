// The keys of a volume's configuration file: what each may be, its default, and how the file's words become settings.
// Unknown keys are errors. Relations between keys are checked in relations.ts, once every value is right by itself.
import { posix } from 'node:path';
import { z } from 'zod';
import { scheduleProblem } from './schedule.js';
import { parseBytes, parseDurationMs } from './units.js';

/** What a key may be, in words: the second half of every error about it. docs/operations/configure.md lists the same. */
export const allowedValues: Readonly<Record<string, string>> = {
  name: 'letters, digits, "-", "_" and "."; at most 64',
  disks: 'a list of 1 to 64 absolute paths: ["/mnt/a", "/mnt/b"]',
  parity: 'a whole number from 0 to tolerance',
  tolerance: 'a whole number from parity to the number of disks - 1',
  scheme: '"parity" or "copy"',
  allow_shared_device: 'true or false',
  state_dir: 'an absolute path outside the disks and the mount',
  control_socket: 'an absolute path of at most 107 bytes',
  commit_interval: 'a duration from "10 ms" to "1 min"',
  reprotect_after: 'a duration such as "10 min", or "never"',
  driver: '"event-loop" or "fuse-native"',
  'journal.disks': 'a list of absolute paths, [] for none',
  'backup.url': '"s3://bucket/prefix" or "file:///absolute/dir"',
  'backup.endpoint': 'a URL: "https://host:port"',
  'backup.region': 'a region name: "eu-central-1"',
  'backup.path_style': 'true or false',
  'backup.profile': 'the name of a profile in the AWS credentials file',
  'flush.bytes': 'a size such as "1 GiB", or "never"',
  'flush.age': 'a duration such as "1 h", or "never"',
  'flush.count': 'a whole number from 1, or "never"',
  'flush.fill': 'a share above 0 and up to 1, or "never"',
  'flush.schedule': 'a cron expression such as "0 3 * * *", or "never"',
  'flush.at_unmount': 'true or false',
  'flush.lost_disk': 'true or false',
  'budget.bytes': 'a size such as "50 GiB", or "auto" (a tenth of the pool)',
  'budget.soft': 'a share above 0 and below budget.hard',
  'budget.hard': 'a share above budget.soft and up to 1',
  'budget.when_full': '"wait" or "parity-only"',
  'retention.keep_roots': 'a whole number from 1',
  'scrub.period': 'a duration of at least "1 s", such as "30 d", or "never"',
  'scrub.rate': 'a size such as "32 MiB": bytes a second of all disks together',
  'hooks.command': 'a command line for /bin/sh, or "none"',
  'hooks.webhook': 'a URL: "https://host/path", or "none"',
  'mount.options': 'a list of texts: ["key", "key=value"]',
  'mount.noatime': 'true or false',
  'mount.allow_other': 'true or false',
  'mount.read_only': 'true or false',
  'mount.writeback': 'true or false',
  'log.level': '"debug", "info", "warn" or "error"',
  'log.file': 'an absolute path',
};

const whole = (least: number): z.ZodNumber => z.number().int().min(least);
const share = z.number().gt(0).max(1);
const never = <Value extends z.ZodType>(value: Value) => z.union([z.literal('never').transform(() => null), value]);
const none = <Value extends z.ZodType>(value: Value) => z.union([z.literal('none').transform(() => null), value]);
const absolutePath = z
  .string()
  .refine((path) => path.startsWith('/') && !path.includes('\0'))
  .transform((path) => posix.normalize(path).replace(/(?<=.)\/+$/, ''));
const size = z.union([z.string(), z.number()]).transform((text, context) => {
  const bytes = parseBytes(text);
  if (bytes !== null && bytes > 0) return bytes;
  context.addIssue({ code: 'custom', message: 'no size' });
  return z.NEVER;
});
const durationMs = z.union([z.string(), z.number()]).transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== null) return ms;
  context.addIssue({ code: 'custom', message: 'no duration' });
  return z.NEVER;
});

const backup = z.strictObject({
  url: z
    .string()
    .refine((url) => /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^\s?#]*)?$/.test(url) || /^file:\/\/\/[^\0]+$/.test(url))
    .transform((url) => url.replace(/\/+$/, '')),
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  region: z.string().min(1).optional(),
  path_style: z.boolean().optional(),
  profile: z.string().min(1).optional(),
});

const flush = z.strictObject({
  bytes: never(size).optional(),
  age: never(durationMs).optional(),
  count: never(whole(1)).optional(),
  fill: never(share).optional(),
  schedule: never(z.string().refine((expression) => scheduleProblem(expression) === null)).optional(),
  at_unmount: z.boolean().optional(),
  lost_disk: z.boolean().optional(),
});

export const fileSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
    .optional(),
  disks: z.array(absolutePath).min(1).max(64),
  parity: whole(0),
  tolerance: whole(0),
  scheme: z.enum(['parity', 'copy']).optional(),
  allow_shared_device: z.boolean().optional(),
  state_dir: absolutePath.optional(),
  control_socket: absolutePath.refine((path) => Buffer.byteLength(path) <= 107).optional(),
  commit_interval: durationMs.refine((ms) => ms >= 10 && ms <= 60_000).optional(),
  reprotect_after: never(durationMs).optional(),
  driver: z.enum(['event-loop', 'fuse-native']).optional(),
  journal: z.strictObject({ disks: z.array(absolutePath).max(64).optional() }).optional(),
  backup: backup.optional(),
  flush: flush.optional(),
  budget: z
    .strictObject({
      bytes: z.union([z.literal('auto').transform(() => null), size]).optional(),
      soft: share.optional(),
      hard: share.optional(),
      when_full: z.enum(['wait', 'parity-only']).optional(),
    })
    .optional(),
  retention: z.strictObject({ keep_roots: whole(1).optional() }).optional(),
  scrub: z.strictObject({ period: never(durationMs.refine((ms) => ms >= 1_000)).optional(), rate: size.optional() }).optional(),
  hooks: z
    .strictObject({
      command: none(z.string().regex(/^[^\0]*[^\0\s][^\0]*$/)).optional(),
      webhook: none(z.url({ protocol: /^https?$/ })).optional(),
    })
    .optional(),
  mount: z
    .strictObject({
      options: z.array(z.string().regex(/^[^,\s]+$/)).optional(),
      noatime: z.boolean().optional(),
      allow_other: z.boolean().optional(),
      read_only: z.boolean().optional(),
      writeback: z.boolean().optional(),
    })
    .optional(),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).optional(), file: absolutePath.optional() }).optional(),
});

export type FileValues = z.infer<typeof fileSchema>;
