// The label of every disk says up to where the journal was durable when an image was last made: at the latest every 128 MiB of journal,
// and at the end of every life that ends well. So each disk bears witness of the history, also those that carry neither journal nor image.
import { isErrorOf } from '../base/errors.js';
import { failpoint } from '../base/failpoint.js';
import { readLabel, writeLabel } from '../disk/label.js';
import type { VolumeCore } from './core.js';

/** All disks side by side; one that does not take it has failed. Not between images: disks that nobody uses shall sleep. */
export async function markLabels(core: VolumeCore): Promise<void> {
  // The journal's own term: one that is only about to begin may never answer.
  const mark = { generation: core.journal.generation.number, durableLsn: core.journal.durableLsn };
  if (core.labelled?.generation === mark.generation && core.labelled.durableLsn === mark.durableLsn) return;
  core.labelled = mark;
  await Promise.all(
    core.disks.healthy().map(async (disk) => {
      try {
        await writeLabel(disk, { ...(await readLabel(disk)), ...mark });
        failpoint('between-labels');
      } catch (error) {
        if (!isErrorOf(error, 'unavailable', 'full', 'corrupt', 'missing')) throw error;
        // A full disk keeps its older label: that one is true as well.
        if (!isErrorOf(error, 'full')) core.disks.fail(disk.id, error);
      }
    }),
  );
}
