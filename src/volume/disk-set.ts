// The disks of a mounted volume and what is known of each. A failed disk is never written again in this mount;
// it stays readable as long as reads succeed. Decides nothing about data: callers ask who is there.
import type { DiskId } from '../base/ids.js';
import { messageOf } from '../base/errors.js';
import type { Disk } from '../disk/disk.js';

export type LiveDiskState = 'healthy' | 'failed' | 'missing' | 'foreign';
export type DiskRole = 'pool' | 'journal';

export interface DiskMember {
  readonly path: string;
  readonly role: DiskRole;
  /** null: it could not be opened. */
  readonly disk: Disk | null;
  readonly state: LiveDiskState;
  readonly reason: string;
}

export class DiskSet {
  #members: DiskMember[];
  /** Told once for each disk that is taken out of writing. */
  onFailed: (member: DiskMember) => void;

  constructor(members: readonly DiskMember[], onFailed: (member: DiskMember) => void) {
    this.#members = [...members];
    this.onFailed = onFailed;
  }

  get members(): readonly DiskMember[] {
    return this.#members;
  }

  /** Opened and not failed, of one role. */
  writable(role: DiskRole): readonly Disk[] {
    return this.#members.flatMap((m) => (m.role === role && m.disk !== null && m.state === 'healthy' ? [m.disk] : []));
  }

  /** Every disk that may take journal copies and images: dedicated ones first, pool disks make up for them. */
  journalCandidates(): readonly Disk[] {
    return [...this.writable('journal'), ...this.writable('pool')];
  }

  /** Opened, also when suspect or failed for writing: reading may still work. */
  readable(id: DiskId): Disk | null {
    for (const member of this.#members) if (member.disk?.id === id) return member.disk;
    return null;
  }

  /** Opened and not failed: counts for redundancy. */
  serves(id: DiskId): boolean {
    return this.#members.some((m) => m.disk?.id === id && m.state === 'healthy');
  }

  present(): readonly Disk[] {
    return this.#members.flatMap((m) => (m.disk === null ? [] : [m.disk]));
  }

  /** Opened and not failed, of any role. */
  healthy(): readonly Disk[] {
    return this.#members.flatMap((m) => (m.disk !== null && m.state === 'healthy' ? [m.disk] : []));
  }

  /** Takes a disk out of writing, once. */
  fail(id: DiskId, error: unknown): void {
    const index = this.#members.findIndex((m) => m.disk?.id === id);
    const member = this.#members[index];
    if (member === undefined || member.state !== 'healthy') return;
    const failed: DiskMember = { ...member, state: 'failed', reason: messageOf(error) };
    this.#members[index] = failed;
    this.onFailed(failed);
  }

  /** It holds another history: from now on it counts as one that is not there. Gives the disk, for the caller to close. */
  setAside(id: DiskId, reason: string): Disk | null {
    const index = this.#members.findIndex((m) => m.disk?.id === id);
    const member = this.#members[index];
    if (member === undefined) return null;
    this.#members[index] = { ...member, disk: null, state: 'foreign', reason };
    return member.disk;
  }

  /** A further disk: from now on it may be used. */
  add(member: DiskMember): void {
    this.#members.push(member);
  }

  /** A new disk takes the place of the member with this path. */
  replace(path: string, next: DiskMember): void {
    const index = this.#members.findIndex((m) => m.path === path);
    if (index < 0) this.#members.push(next);
    else this.#members[index] = next;
  }

  /** Pool disks that are not fully in service. */
  lost(): readonly DiskMember[] {
    return this.#members.filter((m) => m.role === 'pool' && m.state !== 'healthy');
  }
}
