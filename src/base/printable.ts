// Names are bytes; messages, logs and JSON are text. One form for all of them: what is UTF-8 and shows as itself stays, a backslash is
// two, and every other byte is \xHH (no UTF-8, control characters, what would turn a line around). Two names never look the same.

/** One well-formed UTF-8 sequence, or one byte that begins none, of bytes seen as Latin-1. RFC 3629, section 4. */
const sequence = new RegExp(
  [
    '[\\x00-\\x7f]',
    '[\\xc2-\\xdf][\\x80-\\xbf]',
    '\\xe0[\\xa0-\\xbf][\\x80-\\xbf]',
    '[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}',
    '\\xed[\\x80-\\x9f][\\x80-\\xbf]',
    '\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}',
    '[\\xf1-\\xf3][\\x80-\\xbf]{3}',
    '\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}',
    '[\\x80-\\xff]',
  ].join('|'),
  'g',
);

const plain = /^[ -[\]-~]*$/;
/** Joiners hold scripts and emoji together; nothing else of their kind can be seen. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const joiner = /[\u200c\u200d]/;

/** For people and for programs: can be turned back. */
export function printable(name: Uint8Array): string {
  const bytes = Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
  return plain.test(bytes) ? bytes : bytes.replace(sequence, shown);
}

function shown(bytes: string): string {
  if (bytes === '\\') return '\\\\';
  const text = Buffer.from(bytes, 'latin1').toString();
  const itself = bytes < '\x80' || bytes.length > 1;
  return itself && (!unseen.test(text) || joiner.test(text)) ? text : escaped(bytes);
}

function escaped(bytes: string): string {
  return bytes.replace(/./gs, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The bytes that printable() gave this text for. A backslash that begins neither `\\` nor `\xHH` is itself, so plain names may be given as they are. */
export function fromPrintable(text: string): Buffer {
  const bytes = Buffer.from(text).toString('latin1');
  const raw = bytes.replace(/\\(?:\\|x([0-9a-fA-F]{2}))/g, (_, hex: string | undefined) => (hex === undefined ? '\\' : String.fromCharCode(Number.parseInt(hex, 16))));
  return Buffer.from(raw, 'latin1');
}
