// What a scrub looks at beside shards: labels and generations of every disk, journal files, skeleton images, the pages of the live database.
// Each has its reader and its way of being made whole already; here they are asked, in an order in which nothing damaged is copied further.
import { announcementKey } from '../backup/keys.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import type { DiskId } from '../base/ids.js';
import { labelPath, readLabel } from '../disk/label.js';
import { generationsPath } from '../format/generation-codec.js';
import type { JournalDamage } from '../journal/contract.js';
import { loadGenerations } from '../journal/generations.js';
import type { ConsistencyPoints } from './consistency-point.js';
import type { VolumeCore } from './core.js';
import { makeDurable } from './generation.js';
import { publishLocalImage } from './image-point.js';
import type { VerifiedImage } from './local-images.js';
import { nothingSeen, type ScrubFinding, type ScrubLook, type ScrubSource } from './scrub-report.js';
import { skeletonFindings } from './skeleton-findings.js';
import { skeletonPath } from './skeleton-path.js';

type Found = Pick<ScrubFinding, 'kind' | 'disk' | 'file' | 'reason' | 'healedFrom'>;

export class StoresScrub {
  readonly #core: VolumeCore;
  readonly #points: ConsistencyPoints;

  constructor(core: VolumeCore, points: ConsistencyPoints) {
    this.#core = core;
    this.#points = points;
  }

  /** Repeatable. */
  async look(): Promise<ScrubLook> {
    const database = await this.#database();
    const small = [...(await this.#labels()), ...(await this.#generations())];
    // A damaged database is copied nowhere: the volume has failed, and changes nothing any more.
    if (this.#core.failure !== null) return lookOf([...database, ...small], 0, 0);
    const { files, damage } = await this.#journal();
    const { images, damaged } = await this.#images();
    const beyond = damage.filter(({ disk }) => disk === null);
    const fresh = (damaged.length > 0 || beyond.length > 0) && (await this.#publish(damaged));
    const found: Found[] = [
      ...database,
      ...small,
      ...damage.map((one) => this.#ofJournal(one, fresh)),
      ...damaged.map(({ disk, image, problem }): Found => ({ kind: 'image', disk: disk.path, file: `image/${announcementKey(image.lsn, image.generation)}`, reason: problem ?? '', healedFrom: fresh ? 'memory' : null })),
    ];
    for (const { kind, disk, file, reason, healedFrom } of found) {
      this.#core.ports.logger[healedFrom === null ? 'error' : 'warn']({ kind, disk, file, reason, healedFrom }, 'the scrub found damage');
    }
    return lookOf(found, files, images);
  }

  /** Below everything: were it damaged, images of it would be as well. The journal and the images that there are make it anew at the next mount. */
  async #database(): Promise<readonly Found[]> {
    const core = this.#core;
    const messages = await this.#pageProblems();
    if (messages.length === 0) return [];
    await core.journal.commit();
    // Durable from here: all that was answered. Nothing is added to a database that cannot be trusted; the next mount makes it anew.
    core.fail(new HoldfastError('corrupt', messages.join('; '), { code: 'live-database-damaged' }), 'the live database is damaged, and is made anew from images and journal by the next mount');
    return [{ kind: 'database', disk: core.settings.stateDir, file: skeletonPath(core.settings), reason: messages.join('; '), healedFrom: null }];
  }

  async #pageProblems(): Promise<readonly string[]> {
    try {
      return (await skeletonFindings(this.#core, this.#points, true)).map(({ subject, detail }) => `${subject}: ${detail}`);
    } catch (error) {
      if (!isErrorOf(error, 'conflict')) throw error;
      this.#core.ports.logger.info({ reason: error.message }, 'the scrub passes over the live database this time');
      return [];
    }
  }

  /** A label is not made up: who holds a disk with a damaged one must decide what it is. */
  async #labels(): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const disk of this.#core.disks.healthy()) {
      try {
        await disk.uncache(labelPath);
        await readLabel(disk);
      } catch (error) {
        if (!isErrorOf(error, 'missing', 'corrupt')) throw error;
        found.push({ kind: 'label', disk: disk.path, file: labelPath, reason: messageOf(error), healedFrom: null });
      }
    }
    return found;
  }

  async #generations(): Promise<readonly Found[]> {
    const core = this.#core;
    const found: Found[] = [];
    for (const disk of core.disks.healthy()) {
      await disk.uncache(generationsPath).catch(() => undefined); // reading it tells
      const { list, problem } = await loadGenerations(disk, core.volume);
      if (list === null) found.push({ kind: 'generations', disk: disk.path, file: generationsPath, reason: problem, healedFrom: 'memory' });
    }
    if (found.length > 0) await makeDurable(core.disks, core.volume, core.generations);
    return found;
  }

  async #journal(): Promise<{ readonly files: number; readonly damage: readonly JournalDamage[] }> {
    const damage: JournalDamage[] = [];
    const files = await this.#core.journal.scrub((one) => void damage.push(one));
    return { files, damage };
  }

  #images(): Promise<{ readonly images: number; readonly damaged: readonly VerifiedImage[] }> {
    return this.#core.imageLock.run(async () => {
      const damaged: VerifiedImage[] = [];
      let images = 0;
      for await (const image of this.#core.localImages.verify()) {
        images++;
        if (image.problem !== null) damaged.push(image);
      }
      return { images, damaged };
    });
  }

  /** An image of now, which needs neither the damaged ones nor what the journal has of before. */
  async #publish(damaged: readonly VerifiedImage[]): Promise<boolean> {
    try {
      return await this.#publishAnew(damaged);
    } catch (error) {
      if (!isErrorOf(error, 'full', 'unavailable')) throw error;
      this.#core.ports.logger.warn({ error: error.message }, 'no new skeleton image could be made in the place of a damaged one');
      return false;
    }
  }

  async #publishAnew(damaged: readonly VerifiedImage[]): Promise<boolean> {
    const core = this.#core;
    await core.pool.sealAll();
    // An image of the very same point would be taken for the damaged one, which is announced already.
    if (!core.recordAgain() || !(await publishLocalImage(core, this.#points))) return false;
    await core.imageLock.run(async () => {
      for (const one of damaged) await core.localImages.tidy(one.disk);
    });
    return true;
  }

  #ofJournal({ path, disk, batches, healed }: JournalDamage, fresh: boolean): Found {
    const reason = batches === 0 ? 'its header block is damaged' : `${batches} of its batches are not whole${disk === null ? ' on any disk' : ''}`;
    const source: ScrubSource = disk === null ? 'memory' : 'copies';
    return { kind: 'journal', disk: disk === null ? 'every disk' : this.#pathOf(disk), file: path, reason, healedFrom: (disk === null ? fresh : healed) ? source : null };
  }

  #pathOf(id: DiskId): string {
    return this.#core.disks.members.find(({ disk }) => disk?.id === id)?.path ?? id;
  }
}

function lookOf(found: readonly Found[], journalFiles: number, images: number): ScrubLook {
  const findings = found.map((one): ScrubFinding => ({ ...one, segment: null, index: null, fault: 'damaged' }));
  return { ...nothingSeen, journalFiles, images, findings };
}
