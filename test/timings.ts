// How long each test file took, and how busy the machine was meanwhile: a file that takes long on an idle machine waits for
// something, one that takes long on a busy one computes. The slowest are shown at the end of every run.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

export interface FileTiming {
  /** Without its ending, as the runner takes it. */
  readonly name: string;
  readonly wallMs: number;
  /** What all processors worked meanwhile, for whomever. */
  readonly machineMs: number;
}

const shownMax = 15;
const shownMinMs = 2_000;
const tickMs = 10;

/** What all processors have worked since the machine started; 0 where the kernel does not say. */
export function processorMs(): number {
  try {
    const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').map(Number);
    return (user + nice + system + irq + softIrq) * tickMs;
  } catch {
    return 0;
  }
}

/** The table's lines; none when nothing was slow. */
export function slowest(timings: readonly FileTiming[]): readonly string[] {
  const rows = timings
    .filter((timing) => timing.wallMs >= shownMinMs)
    .sort((a, b) => b.wallMs - a.wallMs)
    .slice(0, shownMax)
    .map(({ name, wallMs, machineMs }) => `${(wallMs / 1000).toFixed(1).padStart(8)} ${`${Math.round((100 * machineMs) / wallMs / availableParallelism())} %`.padStart(6)}  ${name}`);
  return rows.length === 0 ? [] : [' seconds   busy  the slowest files, and how busy the machine was', ...rows];
}
