// The messages of the control socket: one JSON object a line, version 1. A request has an id; what comes back carries it:
// any number of progress and items messages, then one result or one error. Documented in docs/operations/control-socket.md.
import { type ErrorKind, HoldfastError } from '../base/errors.js';

export const controlVersion = 1;
/** A line longer than this is an error: requests are small, and items are sent in bounded pieces. */
export const controlLineBytesMax = 4 * 1024 * 1024;

export interface ControlRequest {
  readonly version: number;
  readonly id: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface WireError {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly context: Readonly<Record<string, string | number | boolean>>;
}

export type ControlReply =
  | { readonly version: number; readonly id: number; readonly progress: { readonly step: string; readonly done: number; readonly total: number } }
  | { readonly version: number; readonly id: number; readonly items: readonly unknown[] }
  | { readonly version: number; readonly id: number; readonly result: unknown }
  | { readonly version: number; readonly id: number; readonly error: WireError };

export function toWireError(error: unknown): WireError {
  if (error instanceof HoldfastError) {
    return { kind: error.kind, code: error.code, message: error.message, hint: error.hint ?? null, context: error.context };
  }
  return { kind: 'internal', code: 'unexpected', message: error instanceof Error ? `${error.name}: ${error.message}` : String(error), hint: null, context: {} };
}

export function fromWireError(error: WireError): HoldfastError {
  return new HoldfastError(error.kind, error.message, { code: error.code, context: error.context, ...(error.hint === null ? {} : { hint: error.hint }) });
}

/** 'invalid' (control-message, control-version) for anything that is no request of this version. */
export function parseRequest(line: string): ControlRequest {
  const message = parseLine(line);
  const { version, id, method, params } = message;
  if (version !== controlVersion) {
    throw new HoldfastError('invalid', `control message version ${String(version)}; this daemon speaks version ${controlVersion}`, {
      code: 'control-version',
      hint: 'use the holdfast command of the same installation as the daemon, or mount again',
    });
  }
  if (typeof id !== 'number' || typeof method !== 'string' || (params !== undefined && (typeof params !== 'object' || params === null))) throw malformed(line);
  return { version, id, method, params: (params ?? {}) as Readonly<Record<string, unknown>> }; // an object by the check above
}

export function parseReply(line: string): ControlReply {
  const message = parseLine(line);
  if (typeof message['id'] !== 'number') throw malformed(line);
  return message as ControlReply; // our own daemon's writing; fields are checked where they are used
}

/** Splits a byte stream into lines; gives 'invalid' (control-line-too-long) for one without an end. */
export class LineSplitter {
  #rest = '';

  push(text: string): readonly string[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > controlLineBytesMax) {
      throw new HoldfastError('invalid', `a control message is longer than ${controlLineBytesMax} bytes`, { code: 'control-line-too-long' });
    }
    return lines.filter((line) => line !== '');
  }
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const message: unknown = JSON.parse(line);
    if (typeof message === 'object' && message !== null && !Array.isArray(message)) return message as Record<string, unknown>; // an object by the check
  } catch {
    // Reported below like every other malformed line.
  }
  throw malformed(line);
}

function malformed(line: string): HoldfastError {
  return new HoldfastError('invalid', `not a control message: ${line.slice(0, 80)}`, { code: 'control-message' });
}
