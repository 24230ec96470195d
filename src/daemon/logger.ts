// The Logger of a daemon or a command, by pino: one JSON object a line, time in ISO 8601, to a file (appended, synchronously:
// the last words of a dying process must be there) or to stderr. The only place that knows pino.
import { closeSync, openSync } from 'node:fs';
import { type DestinationStream, pino } from 'pino';
import type { LogFields, Logger } from '../base/logger.js';
import type { LogLevel } from '../config/settings.js';

export interface OpenLogger extends Logger {
  setLevel(level: LogLevel): void;
  close(): void;
}

/** `filePath` null: stderr. The file is made with mode 0600: names of files may stand in it. */
export function openLogger(level: LogLevel, filePath: string | null, fields: LogFields): OpenLogger {
  const file = filePath === null ? 2 : openSync(filePath, 'a', 0o600);
  const destination: DestinationStream = pino.destination({ fd: file, sync: true });
  const log = pino({ level, base: { ...fields }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, destination);
  return {
    debug: (entry, message) => log.debug(entry, message),
    info: (entry, message) => log.info(entry, message),
    warn: (entry, message) => log.warn(entry, message),
    error: (entry, message) => log.error(entry, message),
    setLevel: (next) => {
      log.level = next;
    },
    close: () => {
      if (file !== 2) closeSync(file);
    },
  };
}
