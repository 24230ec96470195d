// Calls that are banned because they would break what the design promises: time, randomness and the environment come as
// arguments (so that a simulation can own them), output has one place, and the type system is not switched off.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf, filesIn } from './sources.js';

interface Ban {
  readonly what: string;
  readonly pattern: RegExp;
  /** Folders of src where it is right. */
  readonly allowed: readonly string[];
}

const bans: readonly Ban[] = [
  { what: 'Date.now, new Date()', pattern: /\bDate\.now\b|\bnew Date\(\)/, allowed: ['base', 'daemon'] },
  { what: 'Math.random', pattern: /\bMath\.random\b/, allowed: [] },
  { what: 'a timer', pattern: /\b(setTimeout|setInterval)\b/, allowed: ['base', 'daemon'] },
  { what: 'process.hrtime, performance.now', pattern: /\bprocess\.hrtime\b|\bperformance\.now\b/, allowed: ['base', 'daemon'] },
  { what: 'process.env', pattern: /\bprocess\.env\b/, allowed: ['base', 'daemon', 'cli'] },
  { what: 'process.exit', pattern: /\bprocess\.exit\(/, allowed: ['daemon', 'cli'] },
  { what: 'console', pattern: /\bconsole\./, allowed: ['cli'] },
  { what: 'any', pattern: /(:|\bas|<|\||,)\s*any\b(?!\w|\s*[:=(])/, allowed: [] },
  { what: 'enum', pattern: /\benum\s+[A-Z]/, allowed: [] },
  { what: 'export default', pattern: /\bexport\s+default\b/, allowed: [] },
  { what: 'namespace', pattern: /^\s*(export\s+)?namespace\s/m, allowed: [] },
  { what: 'a blocking sleep', pattern: /\bAtomics\.wait\b/, allowed: [] },
];

for (const ban of bans) {
  test(`${ban.what}: only in ${ban.allowed.length === 0 ? 'no folder' : ban.allowed.map((folder) => `src/${folder}`).join(', ')}`, () => {
    const wrong: string[] = [];
    for (const file of filesIn('src', '.ts')) {
      if (ban.allowed.includes(file.path.split('/')[1] ?? '')) continue;
      codeOf(file.text)
        .split('\n')
        .forEach((line, index) => {
          if (ban.pattern.test(line)) wrong.push(`${file.path}:${index + 1}: ${line.trim().slice(0, 100)}`);
        });
    }
    assert.deepEqual(wrong, []);
  });
}

test('the code without comments and strings keeps what matters', () => {
  assert.match(codeOf('const a = Date.now(); // not this'), /Date\.now/);
  assert.doesNotMatch(codeOf("// Date.now\nconst a = 'Date.now';"), /Date\.now/);
  assert.match(codeOf('const a = `${Date.now()} ms`;'), /Date\.now/);
});
