// Reads a volume's TOML file into VolumeSettings. Every error names file, line and key and what is allowed there;
// all errors of a file are reported at once. Nothing is written, nothing on the disks is looked at.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { HoldfastError, messageOf } from '../base/errors.js';
import { keyLines } from './key-lines.js';
import { nearestName } from './nearest.js';
import { relationProblems, type Problem } from './relations.js';
import { allowedValues, type FileValues, fileSchema } from './schema.js';
import { defaultSettings, type VolumeSettings } from './settings.js';

export interface SettingsDefaults {
  /** Parent of state directories: /var/lib/holdfast. */
  readonly stateParent: string;
}

export const systemDefaults: SettingsDefaults = { stateParent: '/var/lib/holdfast' };

/** 'missing' (config-missing), 'invalid' (config-syntax, config-invalid). */
export function readSettingsFile(path: string, defaults: SettingsDefaults = systemDefaults): VolumeSettings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new HoldfastError('missing', `cannot read the configuration file ${path}: ${messageOf(error)}`, {
      code: 'config-missing',
      hint: 'holdfast init NAME --disk DIR... makes a volume and its file',
      context: { path },
      cause: error,
    });
  }
  return parseSettings(text, path, defaults);
}

/** The settings in a TOML text. `path` is for messages and for the default name. */
export function parseSettings(text: string, path: string, defaults: SettingsDefaults = systemDefaults): VolumeSettings {
  const result = fileSchema.safeParse(parseToml(text, path));
  const lines = keyLines(text);
  if (!result.success) throw invalid(path, lines, result.error.issues.flatMap((issue) => problemsOf(issue, text)));
  const settings = settingsOf(result.data, path, defaults);
  const problems = relationProblems(settings);
  if (problems.length > 0) throw invalid(path, lines, problems);
  return settings;
}

/**
 * Where the daemon of a volume is found although its file is wrong now (it was right when it was mounted): the two keys that
 * say so, as far as they can still be made out, else their defaults.
 */
export function daemonPlaces(path: string, defaults: SettingsDefaults): Pick<VolumeSettings, 'stateDir' | 'controlSocketPath'> {
  const text = readFileSync(path, 'utf8');
  const written = (key: string): string | null => new RegExp(`^\\s*${key}\\s*=\\s*["']([^"']+)["']`, 'm').exec(text)?.[1] ?? null;
  const stateDir = written('state_dir') ?? `${defaults.stateParent}/${written('name') ?? basename(path).replace(/\.toml$/, '')}`;
  return { stateDir, controlSocketPath: written('control_socket') ?? defaultSettings('', stateDir).controlSocketPath };
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
    throw new HoldfastError('invalid', `${path}:${error.line}: not valid TOML: ${what}`, {
      code: 'config-syntax',
      hint: 'texts and paths stand in double quotes, lists in [ ], tables as [name] on a line of their own',
      context: { path, line: error.line },
    });
  }
}

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly keys?: readonly string[];
}

function problemsOf(issue: Issue, text: string): readonly Problem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((name) => {
      const key = [...path, name].join('.');
      const near = nearestName(key, Object.keys(allowedValues)) ?? nearestKeyElsewhere(name);
      return { key, message: `unknown key${near === null ? `; keys here: ${keysIn(path.join('.')).join(', ')}` : `; did you mean ${near}?`}` };
    });
  }
  // An element of a list is reported at the list.
  const key = path.filter((part) => !/^\d+$/.test(part)).join('.');
  const allowed = allowedValues[key] ?? `a table with the keys ${keysIn(key).join(', ')}`;
  const value = valueAt(parse(text), path);
  return [{ key, message: value === undefined ? `missing; it must be ${allowed}` : `${JSON.stringify(value)} is not allowed; it must be ${allowed}` }];
}

/** A key of that name in another table: `bytes` at the top is probably `flush.bytes`. */
function nearestKeyElsewhere(name: string): string | null {
  return Object.keys(allowedValues).find((key) => key.split('.').at(-1) === name) ?? null;
}

function keysIn(table: string): readonly string[] {
  const prefix = table === '' ? '' : `${table}.`;
  const names = Object.keys(allowedValues)
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length).split('.')[0] ?? '');
  return [...new Set(names)];
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let value: unknown = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part]; // an object by the check above
  }
  return value;
}

function invalid(path: string, lines: ReadonlyMap<string, number>, problems: readonly Problem[]): HoldfastError {
  const texts = problems.map(({ key, message }) => {
    const line = lines.get(key) ?? lines.get(key.split('.')[0] ?? '');
    return `${path}${line === undefined ? '' : `:${line}`}: ${key}: ${message}`;
  });
  return new HoldfastError('invalid', texts.join('\n'), {
    code: 'config-invalid',
    hint: 'docs/operations/configure.md lists every key',
    context: { path, key: problems[0]?.key ?? '' },
  });
}

function settingsOf(file: FileValues, path: string, defaults: SettingsDefaults): VolumeSettings {
  const name = file.name ?? basename(path).replace(/\.toml$/, '');
  const base = defaultSettings(name, file.state_dir ?? `${defaults.stateParent}/${name}`);
  const { flush, budget, backup, scrub, hooks, mount, log } = file;
  return {
    ...base,
    configPath: path,
    disks: file.disks.map((disk) => ({ path: disk })),
    parity: file.parity,
    tolerance: file.tolerance,
    scheme: file.scheme ?? base.scheme,
    journal: { disks: (file.journal?.disks ?? []).map((disk) => ({ path: disk })) },
    allowSharedDevice: file.allow_shared_device ?? base.allowSharedDevice,
    backup:
      backup === undefined
        ? null
        : {
            url: backup.url,
            endpoint: backup.endpoint ?? null,
            region: backup.region ?? null,
            pathStyle: backup.path_style ?? backup.endpoint !== undefined,
            profile: backup.profile ?? null,
          },
    flush: {
      bytes: flush?.bytes === undefined ? base.flush.bytes : flush.bytes,
      ageSeconds: flush?.age === undefined ? base.flush.ageSeconds : flush.age === null ? null : flush.age / 1000,
      count: flush?.count === undefined ? base.flush.count : flush.count,
      fill: flush?.fill === undefined ? base.flush.fill : flush.fill,
      schedule: flush?.schedule ?? null,
      atUnmount: flush?.at_unmount ?? base.flush.atUnmount,
      lostDisk: flush?.lost_disk ?? base.flush.lostDisk,
    },
    budget: {
      bytes: budget?.bytes ?? null,
      softShare: budget?.soft ?? base.budget.softShare,
      hardShare: budget?.hard ?? base.budget.hardShare,
      whenFull: budget?.when_full ?? base.budget.whenFull,
    },
    retention: { keepRoots: file.retention?.keep_roots ?? base.retention.keepRoots },
    scrub: {
      periodSeconds: scrub?.period === undefined ? base.scrub.periodSeconds : scrub.period === null ? null : scrub.period / 1000,
      bytesPerSecond: scrub?.rate ?? base.scrub.bytesPerSecond,
    },
    hooks: { command: hooks?.command ?? null, webhook: hooks?.webhook ?? null },
    commitIntervalMs: file.commit_interval ?? base.commitIntervalMs,
    reprotectAfterSeconds: file.reprotect_after === undefined ? base.reprotectAfterSeconds : file.reprotect_after === null ? null : file.reprotect_after / 1000,
    driver: file.driver ?? base.driver,
    mount: {
      options: mount?.options ?? [],
      noatime: mount?.noatime ?? false,
      allowOther: mount?.allow_other ?? false,
      readOnly: mount?.read_only ?? false,
      writeback: mount?.writeback ?? false,
    },
    preferHistory: null,
    log: { level: log?.level ?? base.log.level, filePath: log?.file ?? null },
    controlSocketPath: file.control_socket ?? base.controlSocketPath,
  };
}
