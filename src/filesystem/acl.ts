// POSIX access control lists (acl(5)) as they lie in the attributes system.posix_acl_*: version 2, then entries of tag, permissions
// and id, little-endian (linux/posix_acl_xattr.h). The rules are those of fs/posix_acl.c. Permission checks are the kernel's;
// here a list is kept in step with the mode, and inherited.
import { EINVAL, fail } from './errno.js';

export const accessAclName = Buffer.from('system.posix_acl_access');
export const defaultAclName = Buffer.from('system.posix_acl_default');

interface AclEntry {
  readonly tag: number;
  permissions: number;
  readonly id: number;
}

const version = 2;
const headerBytes = 4;
const entryBytes = 8;
const noId = 0xffff_ffff;
const userObject = 0x01;
const user = 0x02;
const groupObject = 0x04;
const group = 0x08;
const mask = 0x10;
const other = 0x20;

export const isAclName = (name: Buffer): boolean => name.equals(accessAclName) || name.equals(defaultAclName);

/** Its permission bits, and whether it says no more than they do. Throws EINVAL for what is no valid list. */
export function modeOfAcl(value: Buffer): { readonly bits: number; readonly plain: boolean } {
  const entries = decodeAcl(value);
  const permissionsOf = (tag: number): number => entries.find((entry) => entry.tag === tag)?.permissions ?? 0;
  const masked = entries.some((entry) => entry.tag === mask);
  const bits = (permissionsOf(userObject) << 6) | (permissionsOf(masked ? mask : groupObject) << 3) | permissionsOf(other);
  return { bits, plain: entries.length === 3 };
}

/** The list after chmod: the mode's group bits are the mask's where there is one. */
export function aclAfterChmod(value: Buffer, mode: number): Buffer {
  const entries = decodeAcl(value);
  const masked = entries.some((entry) => entry.tag === mask);
  for (const entry of entries) {
    if (entry.tag === userObject) entry.permissions = (mode >> 6) & 7;
    else if (entry.tag === other) entry.permissions = mode & 7;
    else if (entry.tag === (masked ? mask : groupObject)) entry.permissions = (mode >> 3) & 7;
  }
  return encodeAcl(entries);
}

/** What a new inode gets from the default list of its directory: both sides lose what the other does not allow. `access` null: the mode says it all. */
export function inheritedAcl(defaultAcl: Buffer, mode: number): { readonly mode: number; readonly access: Buffer | null } {
  const entries = decodeAcl(defaultAcl);
  const masked = entries.some((entry) => entry.tag === mask);
  let bits = 0;
  for (const entry of entries) {
    const shift = entry.tag === userObject ? 6 : entry.tag === other ? 0 : entry.tag === (masked ? mask : groupObject) ? 3 : -1;
    if (shift < 0) continue;
    entry.permissions &= mode >> shift;
    bits |= entry.permissions << shift;
  }
  return { mode: (mode & ~0o777) | bits, access: entries.length === 3 ? null : encodeAcl(entries) };
}

/** In the order that the kernel keeps: owner, users, group, groups, mask, others; named entries want a mask. */
function decodeAcl(value: Buffer): AclEntry[] {
  if (value.length < headerBytes + 3 * entryBytes || (value.length - headerBytes) % entryBytes !== 0 || value.readUInt32LE(0) !== version) fail(EINVAL);
  const entries: AclEntry[] = [];
  for (let at = headerBytes; at < value.length; at += entryBytes) {
    entries.push({ tag: value.readUInt16LE(at), permissions: value.readUInt16LE(at + 2), id: value.readUInt32LE(at + 4) });
  }
  const order = entries.map((entry) => entry.tag);
  const count = (tag: number): number => order.filter((one) => one === tag).length;
  const known = order.every((tag, index) => [userObject, user, groupObject, group, mask, other].includes(tag) && tag >= (order[index - 1] ?? 0));
  const single = count(userObject) === 1 && count(groupObject) === 1 && count(other) === 1 && count(mask) <= 1;
  const maskWanted = count(user) + count(group) > 0 && count(mask) === 0;
  if (!known || !single || maskWanted || entries.some((entry) => entry.permissions > 7)) fail(EINVAL);
  return entries;
}

function encodeAcl(entries: readonly AclEntry[]): Buffer {
  const value = Buffer.alloc(headerBytes + entries.length * entryBytes);
  value.writeUInt32LE(version, 0);
  entries.forEach(({ tag, permissions, id }, index) => {
    const at = headerBytes + index * entryBytes;
    value.writeUInt16LE(tag, at);
    value.writeUInt16LE(permissions, at + 2);
    value.writeUInt32LE(tag === user || tag === group ? id : noId, at + 4);
  });
  return value;
}
