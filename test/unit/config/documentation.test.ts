// docs/operations/configure.md lists every key, and none that does not exist.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { allowedValues } from '../../../src/config/schema.js';
import { repositoryRoot } from '../../repository.js';

test('the configuration page has exactly the keys that the schema has', () => {
  const page = readFileSync(join(repositoryRoot, 'docs/operations/configure.md'), 'utf8');
  const keys = [...page.matchAll(/^\| `([a-z_.]+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(keys, Object.keys(allowedValues));
});
