// The POSIX checks that a mount through the driver fuse-native does not pass, each with the reason. All others it must pass.
const bytes = 'names and targets travel as text: what is not UTF-8 is refused with EILSEQ';
const noFallocate = 'libfuse 2 has fallocate, but fuse-native does not pass it on: EOPNOTSUPP';
const noFlags = 'libfuse 2 knows no renameat2 flags: EINVAL';
const noLists = 'libfuse 2 cannot ask the kernel to apply access control lists: making one is refused with EOPNOTSUPP';
const noCaller = 'the caller is not known: what is made belongs to whoever mounted';
const noNotices = 'libfuse 2 does not say for whom attributes are asked: reads that the page cache answers are not seen';

export const fuseNativeExclusions: Readonly<Record<string, string>> = {
  'names: every byte but slash and NUL can be in a name': bytes,
  'names: a name of one odd byte is a name': bytes,
  'names: a name that is no UTF-8 keeps its bytes through link and rename': bytes,
  'links: symlink targets are 1 to 4095 bytes of anything': bytes,
  'links: a removed directory that is open is empty and takes no names': 'requests go by path, and a removed directory has none: ENOENT',
  'links: a file made without a name gets one by linkat, unless it was opened with O_EXCL': 'libfuse 2 has no O_TMPFILE: EOPNOTSUPP',
  'rename: rename replaces a file at once; the old one lives on in its handles': 'it lives on as .fuse_hidden..., which goes when the kernel tells of the last close: in its own time',
  'rename: RENAME_NOREPLACE moves but never replaces': noFlags,
  'rename: RENAME_EXCHANGE swaps two files': noFlags,
  'rename: RENAME_EXCHANGE swaps a file and a full directory of another parent': noFlags,
  'rename: RENAME_WHITEOUT leaves a device of numbers 0, 0 behind': noFlags,
  'copies: who copies into, or preallocates, a setuid program without privileges takes its bits': noFallocate,
  'ranges: SEEK_DATA and SEEK_HOLE find the borders': 'libfuse 2 has no lseek: the kernel takes a file for data from begin to end',
  'ranges: punching makes a hole and keeps the size': noFallocate,
  'ranges: punching inside a block zeroes just those bytes': noFallocate,
  'ranges: a punched hole can be written again': noFallocate,
  'ranges: zeroing a range grows the file, or with KEEP_SIZE not': noFallocate,
  'ranges: preallocation grows the file with zeros, or with KEEP_SIZE not at all': noFallocate,
  'ranges: preallocated room shows in the blocks of a file, and is a hole': noFallocate,
  'ranges: zeroing keeps the room, punching gives it back': noFallocate,
  'ranges: what is preallocated is missing in the free space': noFallocate,
  'wide: data and holes are found over exabytes': 'libfuse 2 has no lseek: the kernel takes a file for data from begin to end',
  'wide: ranges of exabytes are punched and zeroed, and none reaches past the end': noFallocate,
  'times: punching changes mtime and ctime': noFallocate,
  'times: a change of names changes the times of the directory': noFlags,
  'times: a time beyond what can be kept becomes the last that can': 'times travel as 34 bits of seconds: what does not fit is refused with EOVERFLOW',
  'times: the first read to the end of a changed file is an access, though it is cached, and the second is none': noNotices,
  'times: O_NOATIME reads leave the access time alone, and hide no later reader': noNotices,
  'times: the time of birth is told, and nothing changes it': 'libfuse 2 has no statx',
  'permissions: what is made belongs to its maker': noCaller,
  'permissions: a setgid directory gives its group, and the bit to directories': noCaller,
  'permissions: setgid that nobody runs goes with a change from outside of the group, and stays with one of a member': noFallocate,
  'acls: a list grants and denies where the mode does not': noLists,
  'acls: a named group counts, and the mask bounds it': noLists,
  'acls: the mode follows the list, and the list follows chmod': noLists,
  'acls: a list that says no more than the mode becomes the mode': noLists,
  'acls: lists are listed, and removing one that is not there is fine': noLists,
  'acls: a default list is inherited in the place of the umask': noLists,
  'acls: a default list that is only a mode makes a mode': noLists,
  'acls: an owner outside of the group loses setgid by a list, as by chmod': noLists,
  "xattrs: trusted attributes are root's, and hidden from others": 'the caller is not known: names of trusted attributes are listed to everybody (their values are not)',
};
