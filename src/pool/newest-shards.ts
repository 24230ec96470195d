// Headers of the newest shard files on a disk: those of segments from a number on. Only folders that may hold such are listed.
import { HoldfastError, isErrorOf } from '../base/errors.js';
import type { SegmentNumber } from '../base/ids.js';
import type { Disk } from '../disk/disk.js';
import { decodeShardHeader, parseShardName, type ShardInfo, segmentsPerFolder, shardHeaderBytes } from '../format/shard.js';

/** Newest first. At most `limit`; a header that does not verify, or cannot be read now, is left out. */
export async function newestShards(disk: Disk, from: SegmentNumber, limit: number): Promise<readonly ShardInfo[]> {
  const paths: { readonly path: string; readonly number: SegmentNumber }[] = [];
  for (const folder of await disk.list('shards')) {
    if (!(Number.parseInt(folder, 16) >= Math.floor(from / segmentsPerFolder))) continue;
    for (const name of await disk.list(`shards/${folder}`)) {
      const shard = parseShardName(name);
      if (shard !== null && shard.id.number >= from) paths.push({ path: `shards/${folder}/${name}`, number: shard.id.number });
    }
  }
  paths.sort((a, b) => b.number - a.number || (a.path < b.path ? -1 : 1));
  const found: ShardInfo[] = [];
  const block = Buffer.alloc(shardHeaderBytes);
  for (const { path } of paths.slice(0, limit)) {
    try {
      await disk.read(path, 0, block);
      found.push(decodeShardHeader(block));
    } catch (error) {
      if (!(error instanceof HoldfastError) || isErrorOf(error, 'internal', 'closed')) throw error;
    }
  }
  return found;
}
