// An image reference as plain JSON: part of every root, and alone (format holdfast-image) in the announcement of an image on a disk.

import { HoldfastError, messageOf } from '../base/errors.js';
import { asGenerationId, asLsn } from '../base/ids.js';
import { asCount, asText, decodeJsonObject, encodeJsonObject, type JsonObject } from '../format/json-object.js';
import type { ImageReference } from './contract.js';

const format = 'holdfast-image';
const version = 1;

/** Throws a TypeError that names the field. */
export function readImageReference(json: JsonObject): ImageReference {
  return {
    lsn: asLsn(asCount(json.lsn, 'image.lsn')),
    generation: asGenerationId(asText(json.generation, 'image.generation', /^[0-9a-f]{16}$/)),
    link: asCount(json.link, 'image.link'),
    bytes: asCount(json.bytes, 'image.bytes'),
    pack: asText(json.pack, 'image.pack', /^[0-9a-f-]{1,80}$/),
    offset: asCount(json.offset, 'image.offset'),
    length: asCount(json.length, 'image.length', 1),
    hash: asText(json.hash, 'image.hash', /^[0-9a-f]{64}$/),
  };
}

export function encodeAnnouncement(image: ImageReference): Buffer {
  return encodeJsonObject(format, version, image);
}

/** 'corrupt' for anything but a whole announcement. */
export function decodeAnnouncement(bytes: Buffer, key: string): ImageReference {
  try {
    return readImageReference(decodeJsonObject(bytes, format, version, key));
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw new HoldfastError('corrupt', `${key} is damaged: ${messageOf(error)}`, { code: 'image-announcement', cause: error });
  }
}

export function sameImage(a: ImageReference, b: ImageReference): boolean {
  return a.lsn === b.lsn && a.generation === b.generation && a.pack === b.pack && a.offset === b.offset && a.hash === b.hash;
}
