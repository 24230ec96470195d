// The segments in memory: the one being filled, those on their way to the disks, and (scheme 'copy') sealed ones whose bytes
// the journal has not got yet. Owns their buffers: a buffer goes back when no disk, no journal batch and no record needs it.
import { HoldfastError } from '../base/errors.js';
import { segmentName } from '../base/ids.js';
import type { SegmentId, SegmentNumber } from '../base/ids.js';
import { SegmentBuffers } from './buffers.js';
import type { Allocation, SegmentPlace } from './contract.js';
import { OpenSegment } from './open-segment.js';
import type { SegmentTable } from './payload.js';

export interface TableOptions {
  readonly segmentBytes: number;
  readonly buffersMax: number;
  /** Scheme 'copy': a sealed segment stays until all its bytes were journaled. */
  readonly everyByteJournaled: boolean;
  readonly open: () => SegmentId;
  /** It ended: seal it in the background. */
  readonly ended: (segment: OpenSegment) => void;
  readonly sealing: (segment: OpenSegment) => Promise<void> | undefined;
  /** A buffer became free. */
  readonly roomGrew: () => void;
}

export class MemorySegments implements SegmentTable {
  readonly #options: TableOptions;
  readonly #buffers: SegmentBuffers;
  readonly #segments = new Map<SegmentNumber, OpenSegment>();
  #current: OpenSegment | null = null;
  /** Segments of the journal that may get further ranges. */
  #refilling = false;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#buffers = new SegmentBuffers(options.segmentBytes, options.buffersMax);
  }

  room(): number {
    return (this.#current?.remaining ?? 0) + this.#buffers.available() * this.#options.segmentBytes;
  }

  allocate(length: number): Allocation {
    if (this.#refilling) this.#endRefilled();
    const segment = this.#current ?? this.#open();
    const taken = Math.min(length, segment.remaining);
    const offset = segment.take(taken);
    const allocation = { segment: segment.id.number, offset, target: segment.view(offset, taken) };
    if (segment.remaining === 0) this.rotate();
    return allocation;
  }

  /** View of an un-sealed segment. */
  peek(number: SegmentNumber, offset: number, length: number): Buffer | null {
    const segment = this.#segments.get(number);
    return segment === undefined || segment.state === 'sealed' ? null : segment.view(offset, length);
  }

  rotate(): void {
    if (this.#refilling) this.#endRefilled();
    const segment = this.#current;
    if (segment === null) return;
    this.#current = null;
    this.#end(segment);
  }

  refill(id: SegmentId, offset: number, bytes: Buffer): number {
    let segment = this.#segments.get(id.number);
    if (segment === undefined) {
      segment = new OpenSegment(id, this.#buffers.take(), this.#options.segmentBytes, true);
      this.#add(segment);
      this.#refilling = true;
    }
    const before = segment.fill;
    if (!segment.refill(offset, bytes)) {
      throw new HoldfastError('corrupt', `the journal's bytes of segment ${segmentName(id)} do not go on at ${before}: they begin at ${offset} and are ${bytes.length} long`, {
        code: 'segment-payload-gap',
        context: { segment: segmentName(id), fill: before, offset, length: bytes.length },
      });
    }
    return segment.fill - before;
  }

  markSealed(segment: OpenSegment, announce: (place: SegmentPlace) => void, place: SegmentPlace): void {
    segment.state = 'sealed';
    announce(place);
    this.letGo(segment);
  }

  unsealed(): SegmentNumber[] {
    return this.inMemory()
      .filter((segment) => segment.state !== 'sealed')
      .map((segment) => segment.id.number);
  }

  each(): Iterable<OpenSegment> {
    return this.#segments.values();
  }

  inMemory(): OpenSegment[] {
    return [...this.#segments.values()];
  }

  sealing(segment: OpenSegment): Promise<void> | undefined {
    return this.#options.sealing(segment);
  }

  letGo(segment: OpenSegment): void {
    if (segment.state !== 'sealed' || segment.holds > 0) return;
    if (this.#options.everyByteJournaled && segment.unjournaledBytes > 0) return;
    if (this.#segments.get(segment.id.number) === segment) this.#remove(segment);
  }

  #open(): OpenSegment {
    const segment = new OpenSegment(this.#options.open(), this.#buffers.take(), this.#options.segmentBytes, false);
    this.#add(segment);
    this.#current = segment;
    return segment;
  }

  #endRefilled(): void {
    this.#refilling = false;
    for (const segment of this.inMemory()) if (segment.refilled && segment.state === 'open') this.#end(segment);
  }

  #end(segment: OpenSegment): void {
    segment.state = 'sealing';
    this.#options.ended(segment);
  }

  /** Kept ascending by number: the journal wants ranges in that order. */
  #add(segment: OpenSegment): void {
    const later = this.inMemory().filter((one) => one.id.number > segment.id.number);
    for (const one of later) this.#segments.delete(one.id.number);
    this.#segments.set(segment.id.number, segment);
    for (const one of later) this.#segments.set(one.id.number, one);
  }

  #remove(segment: OpenSegment): void {
    this.#segments.delete(segment.id.number);
    this.#buffers.give(segment.buffer, !segment.abandoned);
    this.#options.roomGrew();
  }
}
