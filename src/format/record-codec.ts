// Journal records to bytes and back: one tag byte, then the fields of the type, little-endian, no padding. Version 2: 1 with the
// tags 12 and 13, and links that give an orphan a name. Version 3: 2 with places in files past 2^53 - 1. Version 4: 3 with the tag 14.
// decodeRecord(encodeRecord(r)) equals r; any other bytes give 'corrupt' (record-malformed), never a crash or a guess.
import { assert } from '../base/assert.js';
import type { ByteReader, ByteWriter } from './bytes.js';
import type { RecordCodec } from './record-codec-common.js';
import { fileRecordCodecs } from './record-codec-files.js';
import { storeRecordCodecs } from './record-codec-stores.js';
import type { JournalRecord } from './records.js';

export const recordVersion = 4;

const codecs: { readonly [Type in JournalRecord['type']]: unknown } = { ...fileRecordCodecs, ...storeRecordCodecs };
// The tables above tie each type to its codec; here they are looked up by a value known only at run time.
const codecOf = (type: JournalRecord['type']): RecordCodec<JournalRecord> => codecs[type] as RecordCodec<JournalRecord>;

const byTag: (RecordCodec<JournalRecord> | undefined)[] = [];
for (const type of Object.keys(codecs)) {
  const codec = codecOf(type as JournalRecord['type']); // keys of `codecs`
  assert(byTag[codec.tag] === undefined, `record tag ${codec.tag} is used twice`);
  byTag[codec.tag] = codec;
}

/** Appends the record. On an assertion (a bug of the caller) the writer is as it was before. */
export function encodeRecord(to: ByteWriter, record: JournalRecord): void {
  const start = to.length;
  try {
    const codec = codecOf(record.type);
    to.u8(codec.tag);
    codec.write(to, record);
  } catch (error) {
    to.length = start;
    throw error;
  }
}

/** Reads one record; names and values are views into the reader's buffer. */
export function decodeRecord(from: ByteReader): JournalRecord {
  const tag = from.u8();
  const codec = byTag[tag];
  if (codec === undefined) throw from.malformed(`unknown record type ${tag}`);
  return codec.read(from);
}
