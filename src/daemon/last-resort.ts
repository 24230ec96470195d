// The handler of what nobody handled: a bug. State in memory cannot be trusted then, so the process says why and ends at once;
// what was fsynced is on the disks, and the next mount recovers. Never tries to go on, never tries to write more.
import { writeSync } from 'node:fs';
import type { Logger } from '../base/logger.js';

export const exitCodeOfABug = 70;

export function installLastResort(logger: Logger): void {
  const die = (what: string) => (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    try {
      logger.error({ what, error: text }, 'a bug ended the daemon; what was fsynced is safe, the next mount recovers');
      writeSync(2, `holdfast: ${what}: ${text}\n`);
    } finally {
      process.exit(exitCodeOfABug);
    }
  };
  process.on('uncaughtException', die('uncaught exception'));
  process.on('unhandledRejection', die('unhandled rejection'));
}
