// Goes through all that the backup is believed to hold: roots, and every segment, by listing or (`readData`) by reading each byte. What
// is missing or damaged and still here counts as un-backed-up from then on: the next flush uploads it again, over the damaged object.
import type { Backup } from '../backup/backup.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import { segmentName } from '../base/ids.js';
import type { CheckFinding, SegmentRow } from '../skeleton/contract.js';
import { lostRanges } from '../volume/lost.js';
import type { MountedVolume } from '../volume/mounted-volume.js';
import { folderFrom, missingOf, presentIn, takeBackPresence } from '../volume/presence.js';
import { fetchSegment } from '../volume/rescue.js';

/** Files named with a segment that is missing. */
const pathsMax = 5;

/** 'invalid' (no-backup) without one, 'unavailable' when it does not answer. */
export async function checkBackup(mounted: MountedVolume, readData: boolean): Promise<readonly CheckFinding[]> {
  const { core } = mounted;
  const { backup } = core;
  if (backup === null) throw new HoldfastError('invalid', `volume ${core.settings.name} has no backup to check`, { code: 'no-backup', hint: 'Leave out --backup.' });
  // Who does not own it cannot say what it should hold.
  await mounted.ownership.ensure(backup);
  const findings: CheckFinding[] = [...(await checkRoots(backup, readData))];
  for (let folder = folderFrom(core, 0); folder !== null; folder = folderFrom(core, folder + 1)) {
    const rows = await presentIn(core, folder);
    const missing = new Map((await missingOf(backup, folder, rows)).map((row) => [row.segment, 'it is not there, or not whole']));
    for (const row of rows) {
      const problem = missing.get(row.segment) ?? (readData ? (await fetchSegment(backup, { generation: row.generation, number: row.segment })).problem : null);
      if (problem !== null) findings.push(...(await tell(mounted, row, problem)));
    }
  }
  return findings;
}

async function checkRoots(backup: Backup, readData: boolean): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = (await backup.roots.damaged()).map((sequence) => ({ rule: 'backup-root', subject: `entry ${sequence}`, detail: 'it is damaged' }));
  const image = (await backup.roots.list()).at(-1)?.image ?? null;
  if (!readData || image === null) return findings;
  try {
    for await (const chunk of backup.images.chunks(image)) void chunk; // each is verified as it comes
  } catch (error) {
    if (!isErrorOf(error, 'missing', 'corrupt')) throw error;
    findings.push({ rule: 'backup-image', subject: `image at LSN ${image.lsn}`, detail: messageOf(error) });
  }
  return findings;
}

async function tell(mounted: MountedVolume, { segment, generation }: SegmentRow, problem: string): Promise<readonly CheckFinding[]> {
  const { core, flusher } = mounted;
  const subject = `segment ${segmentName({ generation, number: segment })}`;
  if (await takeBackPresence(core, segment, problem)) {
    const paths = [...new Set(lostRanges(core.skeleton, segment).map(({ path }) => path))];
    const files = `${paths.slice(0, pathsMax).join(', ')}${paths.length > pathsMax ? ` and ${paths.length - pathsMax} more` : ''}`;
    return [{ rule: 'backup-segment', subject, detail: `${problem}; it is uploaded again by the next flush (${files})` }];
  }
  const now = core.skeleton.segment(segment);
  // Dead, and needed by older roots at most; a flush beside this may be removing it right now.
  if (now?.state !== 'dead' || !now.present || flusher.running) return [];
  return [{ rule: 'backup-segment', subject, detail: `${problem}; only older roots can need it, and nobody has it any more` }];
}
