// Finds and loads the addon. The only place that knows where it is; every raw function is listed here with its shape.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RawAddon } from './raw.js';

function find(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(folder, 'native', 'build', 'Release', 'holdfast.node');
    if (existsSync(candidate)) return candidate;
    const up = dirname(folder);
    if (up === folder) throw new Error('the native part is not built: run `make setup`');
    folder = up;
  }
}

export const addon = createRequire(import.meta.url)(find()) as RawAddon; // its shape is native/glue's promise
