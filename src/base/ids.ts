// Branded identifiers. Numbers stay below 2^53: they are 64-bit little-endian on disk and checked when read.

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Log sequence number: strictly increasing over the life of a volume, first record is 1; 0 means none. */
export type Lsn = Branded<number, 'Lsn'>;
/** Inode number = FUSE node id. Root is 1. Never reused. */
export type Ino = Branded<number, 'Ino'>;
/** The thing extents hang on; an inode points to one. Never reused. */
export type ContentId = Branded<number, 'ContentId'>;
/** Counter part of a segment id. With the generation id of its row it is unique for ever. */
export type SegmentNumber = Branded<number, 'SegmentNumber'>;
/** Random 64-bit id of a journal generation, 16 lower-case hex digits. */
export type GenerationId = Branded<string, 'GenerationId'>;
/** UUID of a disk, from its label. */
export type DiskId = Branded<string, 'DiskId'>;
/** UUID of a volume. */
export type VolumeId = Branded<string, 'VolumeId'>;

export const asLsn = (value: number): Lsn => value as Lsn;
export const asIno = (value: number): Ino => value as Ino;
export const asContentId = (value: number): ContentId => value as ContentId;
export const asSegmentNumber = (value: number): SegmentNumber => value as SegmentNumber;
export const asGenerationId = (value: string): GenerationId => value as GenerationId;
export const asDiskId = (value: string): DiskId => value as DiskId;
export const asVolumeId = (value: string): VolumeId => value as VolumeId;

export const ROOT_INO: Ino = asIno(1);
export const NO_LSN: Lsn = asLsn(0);

/** Full name of a segment: no two segments of any history of a volume share it. */
export interface SegmentId {
  readonly generation: GenerationId;
  readonly number: SegmentNumber;
}

/** `<generation id>-<number in 12 hex digits>`: part of shard file names and of backup object keys. */
export function segmentName(id: SegmentId): string {
  return `${id.generation}-${id.number.toString(16).padStart(12, '0')}`;
}
