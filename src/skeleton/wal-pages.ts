// Which pages did committed transactions change? Read from the write-ahead log itself: a 32-byte header, then frames of a 24-byte
// header and a page. Source: https://sqlite.org/fileformat2.html#walformat
// Never misses a page: frames count once a commit frame follows them, and a log that was begun anew (other salts) is read from its
// start. It may name pages that are as they were.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { imageChunkBytes } from '../base/limits.js';
import { pageBytes } from './connection.js';

const headerBytes = 32;
const frameHeaderBytes = 24;
const frameBytes = frameHeaderBytes + pageBytes;
const framesPerRead = 256;
const pagesPerChunk = imageChunkBytes / pageBytes;

export class WalPages {
  readonly #path: string;
  /** Salts of the log as they stand in its header: they change when it begins anew. */
  #salts = '';
  /** Frames of this log that were taken already; the last of them is a commit frame. */
  #taken = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Chunks of the database file that committed frames since the last call belong to. */
  harvest(): Set<number> {
    const chunks = new Set<number>();
    let file: number;
    try {
      file = openSync(this.#path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return chunks;
      throw error;
    }
    try {
      this.#read(file, chunks);
    } finally {
      closeSync(file);
    }
    return chunks;
  }

  #read(file: number, chunks: Set<number>): void {
    const header = Buffer.alloc(headerBytes);
    if (readSync(file, header, 0, headerBytes, 0) < headerBytes) return;
    const salts = header.toString('latin1', 16, 24);
    if (salts !== this.#salts) {
      this.#salts = salts;
      this.#taken = 0;
    }
    const frames = Math.floor((fstatSync(file).size - headerBytes) / frameBytes);
    const block = Buffer.allocUnsafe(framesPerRead * frameBytes);
    /** Pages of the transaction whose commit frame was not seen yet. */
    let open: number[] = [];
    for (let frame = this.#taken; frame < frames; ) {
      const count = Math.min(framesPerRead, frames - frame);
      const bytes = readSync(file, block, 0, count * frameBytes, headerBytes + frame * frameBytes);
      const whole = Math.floor(bytes / frameBytes);
      for (let i = 0; i < whole; i++, frame++) {
        const at = i * frameBytes;
        // Frames of an older log lie behind the newest one of this log.
        if (block.toString('latin1', at + 8, at + 16) !== salts) return;
        open.push(block.readUInt32BE(at));
        if (block.readUInt32BE(at + 4) === 0) continue;
        for (const page of open) chunks.add(Math.floor((page - 1) / pagesPerChunk));
        open = [];
        this.#taken = frame + 1;
      }
      if (whole < count) return;
    }
  }
}
