// After a clean close, a small file beside the live database says what it looked like. At the next mount a database that still
// looks so is trusted without reading it; any other one (killed daemon, garbage written over it) is checked page by page first.
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { isSound } from '../skeleton/soundness.js';
import type { VolumePorts } from './ports.js';

const markOf = (path: string): string => `${path}.clean`;

/** Call when the database is closed and everything in it is covered by the journal. */
export async function markClean(path: string): Promise<void> {
  await writeFile(markOf(path), await lookOf(path), { mode: 0o600 });
}

/** True once: the mark goes before the database is opened again. */
export async function takeCleanMark(path: string): Promise<boolean> {
  try {
    const mark = await readFile(markOf(path), 'utf8');
    await rm(markOf(path));
    return mark === (await lookOf(path));
  } catch {
    return false; // no mark or no database: not clean
  }
}

/**
 * May the database be opened as it is? The answer for whoever asks later; the looking begins now, beside the recovery of the journal,
 * but where a simulation owns the order of things.
 */
export function vouchFor(path: string, ports: Pick<VolumePorts, 'inlineImages'>): () => Promise<boolean> {
  const look = async (): Promise<boolean> => (await takeCleanMark(path)) || (await isSound(path, ports.inlineImages));
  if (ports.inlineImages) return look;
  const answer = look();
  answer.catch(() => undefined); // it is for those who ask
  return () => answer;
}

/** Changes with every write to the file, also one that puts the modification time back: ctime cannot be set. */
async function lookOf(path: string): Promise<string> {
  const { dev, ino, size, ctimeNs } = await stat(path, { bigint: true });
  return `${dev} ${ino} ${size} ${ctimeNs}`;
}
