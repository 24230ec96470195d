// What the helpers of mount(8) and umount(8) share: how they end, and how they reach the daemon of a mount.
import { readlinkSync } from 'node:fs';
import { HoldfastError } from '../base/errors.js';
import { ControlClient } from '../daemon/control-client.js';
import type { MountEntry } from '../daemon/mount-point.js';
import { Output } from './output.js';
import { UsageError } from './usage-error.js';
import { perhapsMounted } from './volume.js';

/** mount(8), "EXIT STATUS". */
const mountExit = { fine: 0, usage: 1, failed: 32 } as const;

/** A daemon that is well answers a ping in milliseconds. */
const pingLimitMs = 10_000;

/** Runs a helper to its end: its words may be wrong (1), its work may fail (32). */
export async function runHelper(work: (args: readonly string[], output: Output) => Promise<void>): Promise<void> {
  const output = new Output(false);
  try {
    await work(process.argv.slice(2), output);
    process.exitCode = mountExit.fine;
  } catch (error) {
    output.error(error);
    process.exitCode = error instanceof UsageError ? mountExit.usage : mountExit.failed;
  }
}

/** The volume's name or file, as other commands take it. */
export function referenceOf(spec: string): string {
  return spec.replace(/^holdfast:/, '');
}

export interface ReachedDaemon {
  readonly client: ControlClient;
  readonly pid: number;
  readonly mountPoint: string;
  /** It lives in our mount namespace: what it unmounts is what we see. */
  readonly sameNamespace: boolean;
}

/** null when nobody listens, or when no configuration says where. 'unavailable' (daemon-hung) when it does not answer. */
export async function reachDaemon(entry: MountEntry): Promise<ReachedDaemon | null> {
  let socketPath: string;
  try {
    socketPath = perhapsMounted(referenceOf(entry.source)).controlSocketPath;
  } catch (error) {
    // Its file lies in a folder that $HOLDFAST_CONFIG_DIR named for whoever mounted it, or is gone.
    if (error instanceof HoldfastError && (error.code === 'volume-unknown' || error.code === 'volume-name')) return null;
    throw error;
  }
  const client = await ControlClient.connect(socketPath);
  if (client === null) return null;
  const { pid, mountPoint } = (await withinLimit(client, entry)) as { readonly pid: number; readonly mountPoint: string }; // our own daemon's answer
  return { client, pid, mountPoint, sameNamespace: namespaceOf('self') === namespaceOf(String(pid)) };
}

async function withinLimit(client: ControlClient, entry: MountEntry): Promise<unknown> {
  const limit = AbortSignal.timeout(pingLimitMs);
  const late = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => {
      reject(new HoldfastError('unavailable', `the daemon of ${entry.point} has not answered within ${pingLimitMs / 1000} s`, { code: 'daemon-hung', hint: `look at its log and at the kernel's (dmesg); umount -f ${entry.point} cuts it off` }));
    });
  });
  try {
    return await Promise.race([client.call('ping'), late]);
  } catch (error) {
    client.close();
    throw error;
  }
}

/** '' when it may not be known. */
function namespaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return '';
  }
}
