// The list of commands, in the order of the help text.
import type { Command } from './command.js';
import { check } from './commands/check.js';
import { deltas } from './commands/deltas.js';
import { disk } from './commands/disk.js';
import { flush } from './commands/flush.js';
import { init } from './commands/init.js';
import { mount } from './commands/mount.js';
import { rebuild } from './commands/rebuild.js';
import { restore } from './commands/restore.js';
import { scrub } from './commands/scrub.js';
import { status } from './commands/status.js';
import { umount } from './commands/umount.js';

export const commands: readonly Command[] = [init, mount, umount, status, deltas, flush, rebuild, restore, disk, scrub, check];
