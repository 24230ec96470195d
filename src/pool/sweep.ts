// Shard files that no record knows: a crash between creating them and the seal record, a layout given up half-way, a shard
// of a disk that was away. Only names of ours are looked at; other files stay. Goes in slices, so that the owner sets the pace.
import { rowsPerTurnMax } from '../base/limits.js';
import type { Disk } from '../disk/disk.js';
import { parseShardName } from '../format/shard.js';
import type { ShardIsKnown, SweptSlice } from './contract.js';
import type { WriteLedger } from './write-ledger.js';

/** Yields after every slice of at most `rowsPerTurnMax` names. Errors of the disk are thrown; what was removed stays removed. */
export async function* sweepStrays(disk: Disk, known: ShardIsKnown, ledger: WriteLedger): AsyncGenerator<SweptSlice> {
  ledger.sweepBegins();
  try {
    for (const folder of await disk.list('shards')) {
      const names = await disk.list(`shards/${folder}`);
      for (let from = 0; from < names.length; from += rowsPerTurnMax) {
        const slice = names.slice(from, from + rowsPerTurnMax);
        yield { looked: slice.length, removed: await removeUnknown(disk, `shards/${folder}`, slice, known, ledger) };
      }
    }
  } finally {
    ledger.sweepEnds();
  }
}

async function removeUnknown(disk: Disk, folder: string, names: readonly string[], known: ShardIsKnown, ledger: WriteLedger): Promise<string[]> {
  const removed: string[] = [];
  for (const name of names) {
    const shard = parseShardName(name);
    if (shard === null || ledger.protects(shard.id) || known(shard.id, shard.layoutNumber, shard.index)) continue;
    await disk.remove(`${folder}/${name}`);
    removed.push(`${folder}/${name}`);
  }
  return removed;
}
