// Where a mount of ours is, once it is there: it may be moved, detached or covered by others, and then nothing of theirs may be
// unmounted in its place. Known by its device number.
import { HoldfastError } from '../base/errors.js';
import { remount, unmount } from './mount.js';
import { mountAt, mountOfDevice, namespacesOf, readMountTable } from './mount-table.js';

export class MountPlace {
  readonly #mountPoint: string;
  /** `major:minor`. null: the table did not show it. */
  readonly device: string | null;

  private constructor(mountPoint: string, device: string | null) {
    this.#mountPoint = mountPoint;
    this.device = device;
  }

  /** Of the mount that was just made there. */
  static async of(mountPoint: string): Promise<MountPlace> {
    return new MountPlace(mountPoint, mountAt(await readMountTable(), mountPoint)?.device ?? null);
  }

  /** Where it can be unmounted; null when it is detached. 'conflict' (mount-covered): unmounting there would take something else away. */
  async find(): Promise<string | null> {
    if (this.device === null) return this.#mountPoint;
    const table = await readMountTable();
    const entry = mountOfDevice(table, this.device, this.#mountPoint);
    if (entry === undefined) return null;
    const seen = mountAt(table, entry.mountPoint);
    if (seen?.device === this.device) return entry.mountPoint;
    throw new HoldfastError('conflict', `${entry.mountPoint}: ${seen?.source ?? 'something'} is mounted on top`, { code: 'mount-covered', hint: `umount ${entry.mountPoint} takes that away first.` });
  }

  /** 'conflict' (mount-busy) while it is in use and not `lazy`, also when somebody else has detached it already and it is not `over`. */
  async unmount(options: { readonly lazy: boolean }, over: () => boolean): Promise<void> {
    const place = await this.find();
    if (place !== null) return unmount(place, options);
    if (options.lazy || over()) return;
    throw new HoldfastError('conflict', `${this.#mountPoint} was detached by a lazy unmount, and files are still open there`, {
      code: 'mount-busy',
      hint: 'It ends when the last of them is closed; `holdfast umount NAME --lazy` cuts them off.',
    });
  }

  /** In words: where this mount namespace has it beside or instead of the place it was made at (bind mounts), and who has it in a namespace of his own. */
  async elsewhere(): Promise<readonly string[]> {
    const { device } = this;
    if (device === null) return [];
    const points = (await readMountTable()).filter((entry) => entry.device === device).map((entry) => entry.mountPoint);
    return [...points, ...(await namespacesOf(device)).map(({ pid, command }) => `in the mount namespace of process ${pid} (${command})`)];
  }

  /** Other flags (words of mount(8), all of them); see remount() of mount.ts. */
  async remount(flags: readonly string[]): Promise<void> {
    await remount((await this.find()) ?? this.#mountPoint, flags);
  }
}
