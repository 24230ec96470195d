// The POSIX checks that a mount with writeback caching does not pass, each with the reason. All others it must pass.
const unseen = 'attributes are asked for before writes as well, so that they say nothing of reads from the page cache';

export const writebackExclusions: Readonly<Record<string, string>> = {
  'times: the first read to the end of a changed file is an access, though it is cached, and the second is none': unseen,
  'times: O_NOATIME reads leave the access time alone, and hide no later reader': unseen,
};
