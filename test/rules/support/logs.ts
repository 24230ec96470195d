// A logger that remembers what was said, so that a test can ask whether something was told loudly.
import type { Logger } from '../../../src/base/logger.js';

export class Logs {
  readonly lines: { readonly level: 'warn' | 'error'; readonly fields: object; readonly text: string }[] = [];

  readonly logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: (fields, text) => void this.lines.push({ level: 'warn', fields, text }),
    error: (fields, text) => void this.lines.push({ level: 'error', fields, text }),
  };

  told(level: 'warn' | 'error', pattern: RegExp): boolean {
    return this.lines.some((line) => line.level === level && pattern.test(line.text));
  }
}
