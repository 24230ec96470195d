// Entry of the detached daemon process: one argument, the request as JSON. Tells its parent over IPC when the mount answers
// or what went wrong; the exit code is 0 after a clean end.
import type { LaunchMessage } from './launch.js';
import { toWireError } from './control-protocol.js';
import { type DaemonRequest, runDaemon } from './run.js';
import { systemComponents } from './system-components.js';

let told = false;

/** The parent is gone once it has heard; nobody waits for what comes later. */
function tell(message: LaunchMessage): Promise<void> {
  if (told || process.send === undefined) return Promise.resolve();
  told = true;
  return new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });
}

async function main(): Promise<number> {
  const request = JSON.parse(process.argv[2] ?? '') as DaemonRequest; // written by launch.ts
  try {
    await runDaemon(request, systemComponents, (served) => {
      void tell({ type: 'serving', pid: process.pid, mountPoint: served.mountPoint });
    });
    return 0;
  } catch (error) {
    await tell({ type: 'failed', error: toWireError(error) });
    return 1;
  }
}

process.exit(await main());
