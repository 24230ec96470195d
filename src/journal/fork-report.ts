// Two histories on the disks of one volume, described for the person who has to choose: how far each goes, when it was last changed,
// and which disks hold it.
import { HoldfastError, messageOf } from '../base/errors.js';
import type { Timespec } from '../base/clock.js';
import { asGenerationId, type GenerationId, type VolumeId } from '../base/ids.js';
import { BodyReader } from './body-reader.js';
import { type ChosenGeneration, chooseFiles, counts, listFiles } from './chosen-files.js';
import { decodeRecords } from '../format/batch.js';
import type { Generation } from '../format/generation.js';
import type { DiskLook } from './disk-look.js';
import { findEnd } from './history-end.js';
import { chooseHistory, forkHint } from './true-history.js';

interface Branch {
  readonly id: GenerationId;
  readonly generations: readonly Generation[];
  readonly text: string;
}

/** The same refusal with what a choice needs. Only reads. */
export async function describedFork(fork: HoldfastError, volume: VolumeId, looks: readonly DiskLook[]): Promise<HoldfastError> {
  const [newest, other] = [asGenerationId(String(fork.context['newest'])), asGenerationId(String(fork.context['other']))];
  const branches = [await describe(newest, other, volume, looks), await describe(other, newest, volume, looks)];
  return new HoldfastError('conflict', `the disks hold two histories${wherePartedOf(branches)}: ${branches.map(({ text }) => text).join('; and ')}`, {
    code: 'journal-fork',
    hint: forkHint(newest, other),
    context: fork.context,
    cause: fork,
  });
}

async function describe(id: GenerationId, rival: GenerationId, volume: VolumeId, looks: readonly DiskLook[]): Promise<Branch> {
  const holders = looks.filter(({ knowledge }) => [...(knowledge.list ?? []), ...knowledge.seen].some((generation) => generation.id === id));
  const own = holders.filter(({ knowledge }) => knowledge.list?.some((generation) => generation.id === rival) !== true);
  const on = `on ${own.map(({ disk }) => disk.path).join(', ')}`;
  try {
    // By themselves its disks have no other history.
    const { generations } = chooseHistory(own.map(({ knowledge }) => knowledge), null);
    const history = chooseFiles(volume, generations, listFiles(own.flatMap(({ files }) => files)));
    const tip = history.at(-1);
    if (tip === undefined) return { id, generations, text: `generation ${id} ${on}` };
    const end = await findEnd(tip);
    const time = await lastChange(history);
    const changed = time === null ? 'with no change that is still in the journal' : `last changed ${new Date(time.sec * 1000).toISOString()}`;
    return { id, generations, text: `generation ${tip.generation.number} (${tip.generation.id}), up to record ${end.mark.lsn}, ${changed}, ${on}` };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { id, generations: [], text: `generation ${id} ${on} (${messageOf(error)})` };
  }
}

function wherePartedOf(branches: readonly Branch[]): string {
  const [a, b] = branches.map(({ generations }) => generations);
  const parted = [firstNotIn(a ?? [], b ?? []), firstNotIn(b ?? [], a ?? [])].flatMap((generation) => generation?.parentLsn ?? []);
  return parted.length < 2 ? '' : ` that went apart after record ${Math.min(...parted)}`;
}

function firstNotIn(generations: readonly Generation[], others: readonly Generation[]): Generation | undefined {
  return generations.find((generation) => !others.some((other) => other.id === generation.id));
}

/** Time of the last record that has one. */
async function lastChange(history: readonly ChosenGeneration[]): Promise<Timespec | null> {
  const reader = new BodyReader();
  for (const chosen of [...history].reverse()) {
    for (const file of [...chosen.files].reverse()) {
      for (const batch of [...(await file.scan()).batches].reverse()) {
        if (batch.header.recordCount === 0 || !counts(chosen, batch)) continue;
        const front = await reader.front(file, batch);
        const timed = front === null ? undefined : decodeRecords(batch.header, front).findLast((record) => 'time' in record);
        if (timed !== undefined && 'time' in timed) return timed.time;
      }
      file.forget();
    }
  }
  return null;
}
