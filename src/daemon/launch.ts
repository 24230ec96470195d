// Starts a detached daemon and waits until its mount answers or its error comes back, so that `holdfast mount` returns
// only when the mount works. What the child writes to stderr goes to the log file.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { HoldfastError, messageOf } from '../base/errors.js';
import type { VolumeSettings } from '../config/settings.js';
import { fromWireError, type WireError } from './control-protocol.js';
import { daemonEntry } from './environment.js';
import { inStateFolder } from './state-folder.js';
import { logPath, type DaemonRequest } from './run.js';

export type LaunchMessage = { readonly type: 'serving'; readonly pid: number; readonly mountPoint: string } | { readonly type: 'failed'; readonly error: WireError };

export interface Launched {
  readonly pid: number;
  readonly mountPoint: string;
}

/** Rejects with the daemon's own error, or 'internal' (daemon-died) when it ended without a word. */
export async function launchDaemon(request: DaemonRequest, settings: VolumeSettings): Promise<Launched> {
  const log = logPath(settings, false);
  const output = log === null ? ('ignore' as const) : inStateFolder(settings.stateDir, () => openSync(makeFolder(log), 'a', 0o600));
  try {
    return await launch(request, output, log);
  } finally {
    if (typeof output === 'number') closeSync(output);
  }
}

function launch(request: DaemonRequest, output: number | 'ignore', log: string | null): Promise<Launched> {
  // The working directory is /, so that no other mount is kept busy.
  const child = spawn(process.execPath, [...process.execArgv, daemonEntry(), JSON.stringify(request)], { detached: true, cwd: '/', stdio: ['ignore', output, output, 'ipc'] });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new HoldfastError('internal', `the daemon could not be started: ${messageOf(error)}`, { code: 'daemon-start', cause: error })));
    child.once('message', (message) => {
      const said = message as LaunchMessage; // our own main.ts is the only sender
      child.disconnect();
      child.unref();
      if (said.type === 'serving') resolve({ pid: said.pid, mountPoint: said.mountPoint });
      else reject(fromWireError(said.error));
    });
    child.once('exit', (code, signal) => {
      reject(
        new HoldfastError('internal', `the daemon ended before the mount answered (${signal === null ? `exit code ${code}` : `signal ${signal}`})`, {
          code: 'daemon-died',
          hint: log === null ? 'run it with --foreground to see why' : `its log says why: ${log}`,
        }),
      );
    });
  });
}

function makeFolder(file: string): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return file;
}
