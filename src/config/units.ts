// Sizes and durations as people write them: "10 GiB", "1 h". Reading is strict (a typo is never a number), printing is short.

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  PiB: 1024 ** 5,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
};

const durationUnitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Bytes of `10 GiB`, `1.5 TB`, `4096`; null when it is no size or not a whole number below 2^53. */
export function parseBytes(text: string | number): number | null {
  return scaled(text, sizeUnits, 'B');
}

/** Milliseconds of `1 h`, `90 s`, `250 ms`; a plain number is seconds. null when it is no duration. */
export function parseDurationMs(text: string | number): number | null {
  return scaled(text, durationUnitsMs, 's');
}

/** `1.5 GiB`: at most one decimal. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** The exact size in the largest unit that divides it, as a configuration file would say it. */
export function exactBytes(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const size = sizeUnits[unit] as number; // listed above
    if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`;
  }
  return `${bytes} B`;
}

/** `3 d 4 h`, `12 min 5 s`, `0.4 s`: two units at most. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const total = Math.round(seconds);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(total / 86_400), 'd'],
    [Math.floor(total / 3600) % 24, 'h'],
    [Math.floor(total / 60) % 60, 'min'],
    [total % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** The exact duration in the largest unit that divides it. */
export function exactDuration(ms: number): string {
  for (const unit of ['d', 'h', 'min', 's'] as const) {
    const size = durationUnitsMs[unit] as number; // listed above
    if (ms >= size && ms % size === 0) return `${ms / size} ${unit}`;
  }
  return `${ms} ms`;
}

function scaled(text: string | number, units: Readonly<Record<string, number>>, plain: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(String(text));
  if (match === null) return null;
  const unit = units[match[2] === '' || match[2] === undefined ? plain : match[2]];
  if (unit === undefined) return null;
  const value = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(value) ? value : null;
}
