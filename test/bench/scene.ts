// How a bench runs as a process: in a mount namespace of its own, on a stage that is cleaned up whatever happens.
// Nobody who copies the table of mounts then keeps the disks busy, and no mount outlives it.
import { execFileSync, spawn } from 'node:child_process';
import { letGoOfOthers } from '../support/mount-tools.js';
import { closeStage, openStage } from './rig.js';

const namespaceVariable = 'HOLDFAST_BENCH_NAMESPACE';

/** Runs `main`, which gives the exit code. */
export function onStage(main: () => Promise<number>): void {
  if (process.env[namespaceVariable] === undefined) {
    again();
    return;
  }
  // Not once: a second signal, which often comes with the first, must not end the cleaning up.
  process.on('SIGINT', () => stop(130));
  process.on('SIGTERM', () => stop(143));
  process.on('SIGHUP', () => stop(129));
  execFileSync('sh', ['-c', letGoOfOthers]);
  openStage();
  main().then(stop, (error: unknown) => {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    stop(1);
  });
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function stop(code: number): void {
  closeStage();
  process.exit(code);
}

function again(): void {
  const child = spawn('unshare', ['--mount', '--propagation', 'slave', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit', env: { ...process.env, [namespaceVariable]: '1' } });
  // A terminal tells both; what only this one is told is passed on.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.on('close', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
}
