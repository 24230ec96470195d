// Ends what a test run left behind, and only that: processes whose environment carries the run's mark, mounts and loop devices
// below the run's scratch folder. Gives a line for each thing it had to end, so that the runner can call it a failure.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export function endLeftovers(mark: string, scratch: string): readonly string[] {
  const ended: string[] = [];
  for (const pid of markedProcesses(mark)) {
    ended.push(`process ${pid} (${commandLine(pid)})`);
    tryTo(() => process.kill(pid, 'SIGKILL'));
  }
  // Children first: the last mounted is the first to go.
  for (const point of mountsBelow(scratch).reverse()) {
    ended.push(`mount ${point}`);
    tryTo(() => execFileSync('umount', ['-l', point], { stdio: 'ignore' }));
  }
  for (const device of loopDevicesOn(scratch)) {
    ended.push(`loop device ${device}`);
    tryTo(() => execFileSync('losetup', ['-d', device], { stdio: 'ignore' }));
  }
  return ended;
}

function markedProcesses(mark: string): readonly number[] {
  const found: number[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = tryTo(() => readFileSync(`/proc/${pid}/environ`, 'latin1'));
    if (environment?.split('\0').includes(`HOLDFAST_TEST_MARK=${mark}`) === true) found.push(pid);
  }
  return found;
}

function commandLine(pid: number): string {
  return tryTo(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 200)) ?? 'gone';
}

function mountsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((point) => point.startsWith(`${folder}/`));
}

function loopDevicesOn(folder: string): readonly string[] {
  const listing = tryTo(() => execFileSync('losetup', ['-n', '-O', 'NAME,BACK-FILE', '-a'], { encoding: 'utf8' })) ?? '';
  return listing
    .split('\n')
    .filter((line) => line.includes(` ${folder}/`))
    .map((line) => line.split(' ')[0] ?? '')
    .filter((device) => device.startsWith('/dev/loop'));
}

/** For things that may be gone already: undefined instead of an error. */
function tryTo<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
