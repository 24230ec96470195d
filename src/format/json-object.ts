// Small JSON objects in a store that prove themselves: `{"format":"...","version":1,"sha256":"...","body":{...}}` and a newline.
// The SHA-256 covers the bytes of the body as they stand, so that torn or damaged objects never count.
import { createHash } from 'node:crypto';
import { HoldfastError, messageOf } from '../base/errors.js';
import { isKnownVersion, unknownVersion } from './version.js';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** `body` must consist of plain JSON values. */
export function encodeJsonObject(format: string, version: number, body: object): Buffer {
  const text = JSON.stringify(body);
  return Buffer.from(`{"format":"${format}","version":${version},"sha256":"${sha256(text)}","body":${text}}\n`);
}

/** 'corrupt' (json-object) when it is torn, damaged or of another format, 'invalid' (format-version) when it is whole and of a newer version. `what` names it in messages. */
export function decodeJsonObject(bytes: Buffer, format: string, version: number, what: string): JsonObject {
  const text = bytes.toString('utf8');
  const match = /^\{"format":"([a-z-]+)","version":(\d+),"sha256":"([0-9a-f]{64})","body":/.exec(text);
  if (match === null) throw damaged(what, 'it does not begin as it should');
  const [head, foundFormat = '', foundVersion = '', hash = ''] = match;
  if (foundFormat !== format) throw damaged(what, `it is a ${foundFormat}, not a ${format}`);
  const body = text.slice(head.length, -2);
  if (!text.endsWith('}\n') || sha256(body) !== hash) throw damaged(what, 'its SHA-256 does not match');
  if (!isKnownVersion(Number(foundVersion), version)) throw unknownVersion(what, Number(foundVersion), version);
  try {
    return asObject(JSON.parse(body) as JsonValue, 'body'); // what JSON.parse gives
  } catch (error) {
    throw damaged(what, messageOf(error));
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function damaged(what: string, reason: string): HoldfastError {
  return new HoldfastError('corrupt', `${what} is damaged: ${reason}`, { code: 'json-object' });
}

// ---- hand checks: each gives the value or throws a TypeError that names the field ----

export function asObject(value: JsonValue | undefined, name: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${name} is not an object`);
  return value as JsonObject; // Array.isArray does not narrow readonly arrays
}

export function asText(value: JsonValue | undefined, name: string, pattern?: RegExp): string {
  if (typeof value !== 'string' || (pattern !== undefined && !pattern.test(value))) throw new TypeError(`${name} is not a text of the right form`);
  return value;
}

/** An exact integer from `least` up. */
export function asCount(value: JsonValue | undefined, name: string, least = 0): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) throw new TypeError(`${name} is not a whole number from ${least}`);
  return value;
}

export function asList(value: JsonValue | undefined, name: string): readonly JsonValue[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} is not a list`);
  return value as readonly JsonValue[]; // Array.isArray loses the element type
}
