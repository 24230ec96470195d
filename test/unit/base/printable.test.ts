// Names as text: plain ones as they are, everything else unambiguous, printable, and back again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromPrintable, printable } from '../../../src/base/printable.js';

const b = (text: string): Buffer => Buffer.from(text);

test('what can be read stays as it is', () => {
  for (const name of ['', 'a.txt', 'Ferien 2026/Zelt äöü.jpg', '日本語', '👩‍👩‍👧 family', '(unlinked)', "quote ' \" $ *"]) assert.equal(printable(b(name)), name);
});

test('bytes that are no UTF-8, control characters and what turns a line around are shown as their bytes', () => {
  const cases: readonly (readonly [Buffer, string])[] = [
    [Buffer.from('caf\xe9', 'latin1'), 'caf\\xe9'],
    [b('a\nb\x1b[2J\x7f'), 'a\\x0ab\\x1b[2J\\x7f'],
    [b('a\\xe9'), 'a\\\\xe9'],
    [b('photo\u202egpj.exe'), 'photo\\xe2\\x80\\xaegpj.exe'],
    [b('line\u2028'), 'line\\xe2\\x80\\xa8'],
    [Buffer.from([0xc0, 0xaf]), '\\xc0\\xaf'],
    [Buffer.from([0xed, 0xa0, 0x80]), '\\xed\\xa0\\x80'],
    [Buffer.from([0xf4, 0x90, 0x80, 0x80]), '\\xf4\\x90\\x80\\x80'],
    [Buffer.from([0xe4, 0xb8]), '\\xe4\\xb8'],
    [b('\ufffd'), '\ufffd'],
  ];
  for (const [name, text] of cases) assert.equal(printable(name), text);
});

test('every name comes back from its text, and none shows anything but printable characters', () => {
  const nearText = fc.array(fc.constantFrom(0x5c, 0x78, 0x41, 0x66, 0x0a, 0xc3, 0xa9, 0xe2, 0x80, 0xae, 0xff), { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 255 }), nearText), (name) => {
      const text = printable(name);
      assert.doesNotMatch(text, /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u);
      assert.deepEqual(fromPrintable(text), Buffer.from(name));
    }),
  );
});

test('a name that is given as it is may hold a lone backslash', () => {
  assert.deepEqual(fromPrintable('a\\b\\xzz\\'), b('a\\b\\xzz\\'));
  assert.deepEqual(fromPrintable('caf\\xE9'), Buffer.from('caf\xe9', 'latin1'));
});
