// Every bound in one place, with its reason. Relations between limits are asserted at the end.
import { assert } from './assert.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** One CRC32C covers this much of a shard: a page, so that a 4 KiB read verifies what it reads and no more. */
export const cellBytes = 4 * KiB;
/** Capacity of a segment: large enough for sequential disks and few objects, small enough to hold several in memory. */
export const segmentBytesMax = 32 * MiB;
/** Segment buffers alive at once (open + being sealed): bounds memory at 8 x 32 MiB = 256 MiB. */
export const segmentBuffersMax = 8;
/** More un-journaled bytes than this in an open segment when it must become durable: seal it early instead. */
export const sealEarlyBytes = 2 * MiB;
/** Largest FUSE request payload (kernel limit: 256 pages of 4 KiB). */
export const requestBytesMax = 1 * MiB;
/** A journal file is rotated when it would grow past this, or past so small a part of the smallest disk: room comes back a file at a time. */
export const journalFileBytesMax = 64 * MiB;
export const journalFileBytesMin = 2 * MiB;
export const journalFileShare = 112;
/** What a disk keeps for the journal, in files, and how it is divided: docs/decisions/journal-room.md. */
export const journalFilesKept = 14;
/** Left of them when no change that takes room is admitted any more, and when not even one that gives room back is. */
export const journalFilesLeftGrowing = 4;
export const journalFilesLeftFreeing = 3;
/** More than those that take room need: nobody is slowed down, and no image is made for its sake. */
export const journalFilesAtEase = 3;
/** An image is published when the journal has grown by so many files. */
export const imageJournalFiles = 2;
/** Waiting for room in the journal ends with ENOSPC after this: longer than it takes to find out that a disk hangs. */
export const journalPatienceMs = 60_000;
/** Free on a disk that is to take the list of generations: more than thousands of them on a handful of disks. */
export const generationsRoomBytes = 1 * MiB;
/** Records per batch and bytes of records per batch: bound the memory of a batch and the length of a replay step. */
export const batchRecordsMax = 65_536;
export const batchBytesMax = 48 * MiB;
/** Batches start at multiples of this, so that a sync never rewrites a sector that holds an older batch. */
export const batchAlignBytes = 4 * KiB;
/** Rows that one turn of the event loop may touch (rule 11). */
export const rowsPerTurnMax = 1_000;
/** Bytes of an image chunk (SQLite pages are 4 KiB). */
export const imageChunkBytes = 64 * KiB;
/** Records appended but not yet durable: past it changes wait for the journal (memory of a stalled journal). */
export const unjournaledRecordsMax = 400_000;
/** Commit intervals between two consistency points when little changes, and records after which one is cut at once: bound the WAL and a replay after kill -9. */
export const pointIntervalBeats = 5;
export const pointRecordsMax = 20_000;
/** Commit intervals that dead segments wait for an image of their own; fewer when writes meet a full volume, for then somebody waits for their room. */
export const imageWaitBeats = 15;
export const imageWaitBeatsFull = 3;
/** Free space of state_dir that only deleting may use: more than the database grows by between two looks; on a small file system one part in so many. */
export const stateReserveBytesMax = 128 * MiB;
export const stateReserveShare = 10;
/** Less than one part in this many is free: full enough. */
export const fullShare = 20;
/** Commit intervals between two looks at whether each disk is still there. */
export const diskLookBeats = 3;
/** A disk operation that takes longer counts as failed: far above what a busy or spun-down disk needs. */
export const diskOperationMsMax = 30_000;
/** Inodes of a disk that data leaves free: journal files, images and terms, without which nothing could be mounted or released. */
export const diskFilesReserve = 256;
/** Each further inode stands for so much room: a shard of a segment that was sealed early is hardly smaller. Never what counts on filesystems of the usual shape. */
export const diskBytesPerFile = 1 * MiB;
/** Descriptors of files that are read again and again, kept open on each disk (CAPACITY in native/core/fd-cache.c), and what everything else needs. */
export const descriptorsPerDisk = 256;
export const descriptorsOther = 512;
/** k + m + e: GF(2^8) Cauchy rows; far below the field's 255. */
export const shardsPerSegmentMax = 32;
export const disksMax = 64;
export const nameBytesMax = 255;
export const pathBytesMax = 4_095;
export const xattrValueBytesMax = 64 * KiB;
/** Changed files whose next read is awaited, at the price of a request for every stat until then (src/filesystem/awaited-reads.ts). */
export const awaitedReadsMax = 256;
/** 2^63 - 1, where Linux's offsets and SQLite's integers end. Sizes and offsets are base/file-offset's. */
export const fileBytesMax = 2n ** 63n - 1n;

assert(segmentBytesMax % cellBytes === 0, 'segments are whole cells');
assert(requestBytesMax <= segmentBytesMax, 'a request fits into one segment');
assert(sealEarlyBytes < segmentBytesMax, 'early sealing is earlier than full');
assert(journalFilesLeftGrowing + journalFilesAtEase + imageJournalFiles < journalFilesKept, 'an image is due before anybody waits for one');
assert(journalFilesLeftFreeing < journalFilesLeftGrowing, 'deleting goes on when creating has ended');
assert(journalPatienceMs > diskOperationMsMax, 'a hanging disk is found out before anybody gives up');
assert(imageChunkBytes % 4096 === 0, 'image chunks are whole SQLite pages');
