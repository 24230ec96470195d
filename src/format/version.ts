// Bytes that verify but carry a version number not known here: written by another version of the program, and not damage.
// Whoever meets them refuses; taking them for damaged would mean to heal, replace or pass over what is whole.
import { HoldfastError } from '../base/errors.js';

const code = 'format-version';

/** 'invalid' (format-version). `what` names the thing, with its place where the caller knows it. */
export function unknownVersion(what: string, found: number, known: number): HoldfastError {
  return new HoldfastError('invalid', `${what} has version ${found}; this holdfast knows version ${known}`, {
    code,
    hint: 'Use the version of holdfast that wrote it, or a newer one.',
    context: { what, found, known },
  });
}

/** May a reader that knows versions up to `known` take it? Whatever is older is read as it was written. */
export function isKnownVersion(found: number, known: number): boolean {
  return Number.isSafeInteger(found) && found >= 1 && found <= known;
}

export function isUnknownVersion(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && error.code === code;
}
