// What the backup promises: segments, skeleton images and roots in an object store, and one owner at a time.
// The same image chain also serves the local disks (each seen as an object store). Keys and bytes: docs/format/backup.md.
import type { Timespec } from '../base/clock.js';
import type { GenerationId, Lsn, SegmentId, VolumeId } from '../base/ids.js';
import type { Generation } from '../format/generation.js';
import type { SegmentRun } from './segment-runs.js';

/** Where an image is: the hash names the root node of its chunk tree. */
export interface ImageReference {
  readonly lsn: Lsn;
  readonly generation: GenerationId;
  readonly link: number;
  /** Size of the database file. */
  readonly bytes: number;
  /** Tree root node: pack object, place in it, SHA-256. */
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
  readonly hash: string;
}

/** Chunks to publish: see skeleton's ImageSource, which satisfies this. */
export interface ChunkSource {
  readonly bytes: number;
  read(chunk: number): Promise<Buffer>;
}

export interface PublishResult {
  readonly image: ImageReference;
  readonly chunksWritten: number;
  readonly bytesWritten: number;
}

/** A tree of content-hashed chunks in one store; packs are never changed. One writer. */
export interface ImageChain {
  /** Newest image known to this store that verifies down to its tree nodes; null when there is none. Also loads the tree, so that publish() writes only changes. */
  open(newest?: ImageReference): Promise<ImageReference | null>;
  /** Writes changed chunks (null: compare all by hash) and tree nodes as few packs. Durable when it resolves; with `announce` also the small object that names the image, written last. */
  publish(source: ChunkSource, changed: readonly number[] | null, point: { readonly lsn: Lsn; readonly generation: GenerationId; readonly link: number }, announce: boolean): Promise<PublishResult>;
  /** Streams the database file, chunk by chunk, each verified. 'corrupt' (image-chunk) names pack and chunk. */
  chunks(image: ImageReference): AsyncIterable<Buffer>;
  /** What the store has of the newest image is not trusted any more: the next publication writes every chunk. */
  startAnew(): Promise<void>;
  /** Removes packs and announcements that none of the kept images needs. */
  collect(kept: readonly ImageReference[]): Promise<void>;
}

export interface SegmentArchive {
  /** Uploads (multi-part where the size asks for it). An object of that name that exists already is verified, not assumed. Resolves when presence is proven. */
  put(id: SegmentId, bytes: Buffer): Promise<void>;
  /** Verified bytes of [offset, offset + length). 'missing' or 'corrupt' name the object. */
  get(id: SegmentId, offset: number, length: number): Promise<Buffer>;
  /** Length of the segment's data when the object exists and its header verifies; else null. */
  length(id: SegmentId): Promise<number | null>;
  /** What the store lists in a folder of segment numbers (`folderOf`), by key, with sizes: one or two requests, nothing is read. */
  listed(folder: number): Promise<ReadonlyMap<string, number>>;
  /** Does such a listing show the object of this segment in its full size? */
  isListed(listed: ReadonlyMap<string, number>, id: SegmentId, length: number): boolean;
  delete(ids: readonly SegmentId[]): Promise<void>;
}

export interface RootBody {
  readonly kind: 'epoch' | 'root';
  readonly sequence: number;
  readonly epoch: number;
  /** Random per write: after a lost reply one reads back and compares. */
  readonly nonce: string;
  readonly volume: VolumeId;
  readonly time: Timespec;
  /** Term of the owner's journal when it was written. */
  readonly generation: Generation;
  /** kind root: the image at `cut`; everything it refers to was present before this object was, but what it names as lost or pending. */
  readonly image: ImageReference | null;
  /** Segments that no source had any more. [] in a complete root. */
  readonly lost: readonly SegmentRun[];
  /** Segments that the flush had not uploaded yet: a partial root, made on the way. [] at its end. */
  readonly pending: readonly SegmentRun[];
  readonly cut: Lsn;
  readonly deltas: number;
  readonly files: number;
  readonly bytes: number;
  /** The volume's shape, so that a bare machine can restore: parity, tolerance, scheme, disks, ... as plain JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The end of the sequence. */
export interface RootTip {
  /** Newest entry that can be read; null in an empty prefix. */
  readonly newest: RootBody | null;
  /** Number of the last entry where that one is damaged: nobody can tell whose it was. */
  readonly damaged: number | null;
}

/** The one key sequence of a backup. Keys are never re-created. */
export interface RootLog {
  /** Newest entry that can be read, following `after` upward where it is given; null in an empty prefix. */
  newest(after?: number): Promise<RootBody | null>;
  /** The same, and whether something that cannot be read stands behind it. */
  tip(after?: number): Promise<RootTip>;
  /** All entries of kind root that are kept, ascending. */
  list(): Promise<readonly RootBody[]>;
  /** Numbers of the entries that cannot be read. */
  damaged(): Promise<readonly number[]>;
  read(sequence: number): Promise<RootBody>;
  /** Becomes the owner: creates the next key if-none-match; on 412, 409 or no reply reads back and compares nonces. 'conflict' (backup-fenced) when another owner came first, also since entry `judged`, the newest one that the caller has looked at. */
  claim(body: Omit<RootBody, 'kind' | 'sequence' | 'epoch' | 'nonce' | 'image' | 'lost' | 'pending' | 'cut' | 'deltas' | 'files' | 'bytes'>, judged?: number): Promise<RootBody>;
  /** Writes a root in the claimed epoch. 'conflict' (backup-fenced) when it is ours no more: nothing was changed. */
  publish(body: Pick<RootBody, 'time' | 'generation' | 'image' | 'lost' | 'pending' | 'cut' | 'deltas' | 'files' | 'bytes' | 'settings' | 'volume'>): Promise<RootBody>;
  /** Small race on throw-away keys: can this store fence? */
  probe(): Promise<{ readonly fences: boolean; readonly detail: string }>;
  /** Re-reads that the epoch is still ours; 'conflict' (backup-fenced) if not. */
  assertOwned(): Promise<void>;
  delete(sequences: readonly number[]): Promise<void>;
}
