// The disks of a mounted volume and what is known of each. A failed disk is never written again in this mount;
// it stays readable as long as reads succeed. Decides nothing about data: callers ask who is there.
import type { DiskId } from '../base/ids.js';
import { messageOf } from '../base/errors.js';
import type { Disk } from '../disk/disk.js';
import type { DiskState } from '../format/records.js';

export type LiveDiskState = 'healthy' | 'failed' | 'missing' | 'foreign';
export type DiskRole = 'pool' | 'journal';

export interface DiskMember {
  readonly path: string;
  readonly role: DiskRole;
  /** null: it could not be opened. */
  readonly disk: Disk | null;
  readonly state: LiveDiskState;
  readonly reason: string;
  /** It is being removed: nothing new goes there, as long as there are enough others. 'empty': nothing is left on it either, and no later term counts it. */
  readonly leaving?: 'moving' | 'empty';
}

export class DiskSet {
  #members: DiskMember[];
  /** Pool disks that what is written now needs. */
  stayingMin = 0;
  /** Told once for each disk that is taken out of writing. */
  onFailed: (member: DiskMember) => void;

  constructor(members: readonly DiskMember[], onFailed: (member: DiskMember) => void) {
    this.#members = [...members];
    this.onFailed = onFailed;
  }

  get members(): readonly DiskMember[] {
    return this.#members;
  }

  /** Opened and not failed, of one role. Those that are leaving only where the others are too few for the promise. */
  writable(role: DiskRole): readonly Disk[] {
    const staying = this.staying(role);
    if (role !== 'pool' || staying.length >= this.stayingMin) return staying;
    return this.#members.flatMap((m) => (m.role === role && m.disk !== null && m.state === 'healthy' && m.leaving !== 'empty' ? [m.disk] : []));
  }

  /** Opened, not failed, and not leaving, of one role. */
  staying(role: DiskRole): readonly Disk[] {
    return this.#members.flatMap((m) => (m.role === role && m.disk !== null && m.state === 'healthy' && m.leaving === undefined ? [m.disk] : []));
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

  /** Those that the next term of the journal has as members. */
  memberIds(): readonly DiskId[] {
    return this.#members.flatMap((m) => (m.disk === null || m.leaving === 'empty' ? [] : [m.disk.id]));
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

  /** From now on nothing new goes there, or (undefined) again. `reason`: how far that is. */
  leave(path: string, leaving: DiskMember['leaving'], reason: string): void {
    const index = this.#members.findIndex((m) => m.path === path);
    const member = this.#members[index];
    if (member === undefined) return;
    const { path: at, role, disk, state } = member;
    this.#members[index] = { path: at, role, disk, state, reason: state === 'healthy' ? reason : member.reason, ...(leaving === undefined ? {} : { leaving }) };
  }

  /** No member any more. Gives the disk, for the caller to close. */
  drop(path: string): Disk | null {
    const disk = this.#members.find((m) => m.path === path)?.disk ?? null;
    this.#members = this.#members.filter((m) => m.path !== path);
    return disk;
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

/** As records have it: that a disk is leaving outlives whatever else befalls it. */
export function recordedState({ state, leaving }: DiskMember): DiskState {
  if (leaving !== undefined) return 'leaving';
  return state === 'foreign' ? 'missing' : state;
}
