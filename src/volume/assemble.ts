// Wires the running parts of a volume: pool, payload and journal know each other only through callbacks made here.
import type { Backup } from '../backup/backup.js';
import { isErrorOf, messageOf } from '../base/errors.js';
import { segmentName, type VolumeId } from '../base/ids.js';
import type { VolumeSettings } from '../config/settings.js';
import type { Generation } from '../format/generation.js';
import type { JournalMark, RetainedFile } from '../journal/contract.js';
import { startJournal } from '../journal/journal.js';
import { createPool } from '../pool/pool.js';
import type { ImageSource, Skeleton } from '../skeleton/contract.js';
import { VolumeCore } from './core.js';
import { makeDurable } from './generation.js';
import { type DiskSet, recordedState } from './disk-set.js';
import type { LocalImages } from './local-images.js';
import type { VolumePorts } from './ports.js';

export interface AssemblyParts {
  readonly settings: VolumeSettings;
  readonly ports: VolumePorts;
  readonly volume: VolumeId;
  readonly disks: DiskSet;
  readonly backup: Backup | null;
  readonly localImages: LocalImages;
  readonly skeleton: Skeleton;
  readonly imageSource: ImageSource;
  readonly generations: readonly Generation[];
  readonly retained: readonly RetainedFile[];
  readonly startAfter: JournalMark;
}

export async function assembleVolume(parts: AssemblyParts): Promise<VolumeCore> {
  const { settings, ports, volume, disks } = parts;
  const core = new VolumeCore(parts);
  const { parity, tolerance, scheme } = settings;
  const { pool, payload } = createPool({
    volume,
    shape: { parity, tolerance, scheme },
    disks: () => disks.writable('pool'),
    diskOf: (id) => disks.readable(id),
    nextSegment: () => ({ generation: core.generation.id, number: core.skeleton.nextSegment() }),
    codec: ports.codec,
    events: {
      opened: (segment) => void core.record({ type: 'segment-open', segment, generation: core.generation.id }),
      sealed: (place) => {
        // After a failure nothing is recorded any more; the journal still holds these bytes.
        if (core.failure !== null) return;
        core.record({ type: 'segment-seal', segment: place.id.number, length: place.length, layout: place.layout, disks: place.disks.flatMap((d) => (d === null ? [] : [d])) });
      },
      damaged: (place, index, cells, reason) => {
        // What is missing with its disk is in the status; reading around it is no news.
        const disk = place.disks[index] ?? null;
        if (disk === null || !disks.serves(disk)) return;
        const known = core.damagedShards.get(place.id.number) ?? new Set();
        // Told at every read of a bad shard; logged and repaired once.
        if (known.has(index)) return;
        core.damagedShards.set(place.id.number, known.add(index));
        // A shard that is not there tells of a disk that was away, not of rot.
        if (cells.length > 0) core.states.damaged(disk, `${place.id.number}/${index}`);
        ports.logger.warn({ segment: segmentName(place.id), index, cells: cells.length, reason, disk }, 'a shard was decoded around');
      },
      diskFailed: (id, error) => disks.fail(id, error),
    },
    durableMark: () => core.journal.durableLsn,
    kept: (disk) => core.room.keptOn(disk),
    expected: () => core.skeleton.use().unwrittenBytes,
    otherDisks: () => {
      const pool = disks.writable('pool');
      return disks.healthy().filter((disk) => !pool.includes(disk));
    },
    clock: ports.clock,
    logger: ports.logger,
    ...(ports.poolSettings === undefined ? {} : { settings: ports.poolSettings }),
  });
  await pool.refreshSpace();
  core.attachPool(pool);
  const journal = startJournal({
    volume,
    generation: core.generation,
    startAfter: parts.startAfter,
    disks: core.generation.journalDisks.flatMap((id) => disks.readable(id) ?? []),
    candidates: () => disks.journalCandidates(),
    payload,
    members: () => disks.memberIds(),
    retained: parts.retained,
    random: ports.random,
    logger: ports.logger,
    onGenerationChange: async (next) => {
      // One that too few disks took comes again.
      if (core.generations.at(-1)?.id !== next.id) core.generations = [...core.generations, next];
      await makeDurable(disks, volume, core.generations);
    },
    onDiskFailed: (disk, error) => {
      ports.logger.error({ disk, error: messageOf(error) }, 'a journal disk failed');
      // The journal has left it. A full disk is no failed one: it goes on serving what it holds, and others take the writes.
      if (isErrorOf(error, 'full')) pool.isFull(disk);
      else disks.fail(disk, error);
    },
    fileBytes: () => core.room.fileBytes,
    roomOn: (disk) => pool.roomOn(disk).freeBytes,
    onAllocated: (disk, bytes) => pool.took(disk, bytes),
    onDegraded: (copies, wanted) => {
      core.journalCopies = copies < wanted ? { copies, wanted } : null;
      if (copies < wanted) ports.logger.warn({ copies, wanted }, 'the journal has fewer copies than it should');
    },
    ...(ports.journalLimits === undefined ? {} : { limits: ports.journalLimits }),
  });
  core.attachJournal(journal);
  disks.onFailed = (member) => {
    ports.logger.error({ disk: member.path, reason: member.reason }, 'a disk failed and is written no more');
    if (member.disk !== null && core.failure === null) {
      core.record({ type: 'disk', disk: member.disk.id, path: member.path, state: recordedState(member), reason: member.reason, time: ports.clock.now() });
    }
    if (member.disk !== null) journal.leave(member.disk.id);
    core.states.look();
    core.protectionDue = true;
    core.journalReach = Math.max(0, core.journalReach - 1);
    core.room.measure();
    pool.disksChanged();
  };
  return core;
}
