// A root as bytes: JSON with its own SHA-256, checked field by field when it is read. Format holdfast-root, version 4; docs/format/backup.md.
import { HoldfastError, messageOf } from '../base/errors.js';
import { asDiskId, asGenerationId, asLsn, asSegmentNumber, asVolumeId } from '../base/ids.js';
import type { Generation } from '../format/generation.js';
import { asCount, asList, asObject, asText, decodeJsonObject, encodeJsonObject, type JsonValue } from '../format/json-object.js';
import type { RootBody } from './contract.js';
import { readImageReference } from './image-reference.js';
import type { SegmentRun } from './segment-runs.js';

const format = 'holdfast-root';
/** 2, 3, 4: the image has that format of the skeleton. The fields are those of 1. */
const version = 4;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function encodeRoot({ lost, pending, ...body }: RootBody): Buffer {
  // A complete root, nearly every one, does not mention them.
  return encodeJsonObject(format, version, { ...body, ...(lost.length === 0 ? {} : { lost }), ...(pending.length === 0 ? {} : { pending }) });
}

/** 'corrupt' (root-malformed, json-object) for anything but a whole root that says it is number `sequence`. */
export function decodeRoot(bytes: Buffer, sequence: number, key: string): RootBody {
  const json = decodeJsonObject(bytes, format, version, key);
  try {
    const kind = asText(json.kind, 'kind', /^(epoch|root)$/) === 'root' ? 'root' : 'epoch';
    const time = asObject(json.time, 'time');
    const body: RootBody = {
      kind,
      sequence: asCount(json.sequence, 'sequence', 1),
      epoch: asCount(json.epoch, 'epoch', 1),
      nonce: asText(json.nonce, 'nonce', /^[0-9a-f]{32}$/),
      volume: asVolumeId(asText(json.volume, 'volume', uuidPattern)),
      time: { sec: asCount(time.sec, 'time.sec', Number.MIN_SAFE_INTEGER), nsec: asCount(time.nsec, 'time.nsec') },
      generation: readGeneration(json.generation),
      image: json.image === null ? null : readImageReference(asObject(json.image, 'image')),
      lost: readRuns(json.lost, 'lost'),
      pending: readRuns(json.pending, 'pending'),
      cut: asLsn(asCount(json.cut, 'cut')),
      deltas: asCount(json.deltas, 'deltas'),
      files: asCount(json.files, 'files'),
      bytes: asCount(json.bytes, 'bytes'),
      settings: asObject(json.settings, 'settings'),
    };
    if (body.sequence !== sequence) throw new TypeError(`it says that it is number ${body.sequence}`);
    if (body.epoch > sequence || (kind === 'epoch') !== (body.epoch === sequence)) throw new TypeError(`epoch ${body.epoch} does not fit`);
    return body;
  } catch (error) {
    throw new HoldfastError('corrupt', `${key} is damaged: ${messageOf(error)}`, { code: 'root-malformed', cause: error });
  }
}

/** Absent: none. */
function readRuns(value: JsonValue | undefined, name: string): readonly SegmentRun[] {
  if (value === undefined) return [];
  return asList(value, name).map((entry) => {
    const run = asObject(entry, name);
    const first = asSegmentNumber(asCount(run.first, `${name}.first`));
    return { generation: asGenerationId(asText(run.generation, `${name}.generation`, /^[0-9a-f]{16}$/)), first, last: asSegmentNumber(asCount(run.last, `${name}.last`, first)) };
  });
}

function readGeneration(value: JsonValue | undefined): Generation {
  const json = asObject(value, 'generation');
  const disks = (name: 'members' | 'journalDisks') => asList(json[name], `generation.${name}`).map((disk) => asDiskId(asText(disk, `generation.${name}`)));
  return {
    number: asCount(json.number, 'generation.number'),
    id: asGenerationId(asText(json.id, 'generation.id', /^[0-9a-f]{16}$/)),
    parentLsn: asLsn(asCount(json.parentLsn, 'generation.parentLsn')),
    members: disks('members'),
    journalDisks: disks('journalDisks'),
    tolerance: asCount(json.tolerance, 'generation.tolerance'),
  };
}
