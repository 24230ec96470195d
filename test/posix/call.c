// One system call that Node lacks, as a command: `call NAME ARGUMENT...`. Prints `ok VALUE` or `errno NAME`, exits 0;
// exit code 2 means that the command itself is wrong. Symbolic links are never followed by the xattr calls.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static long long number(const char *text) { return strtoll(text, NULL, 0); }

static int answer(long long value) {
  if (value < 0) printf("errno %s\n", strerrorname_np(errno));
  else printf("ok %lld\n", value);
  return 0;
}

static int opened(const char *path, int flags) {
  int fd = open(path, flags, 0644);
  if (fd < 0) answer(-1);
  return fd;
}

static int seek_range(char **a) {
  int fd = opened(a[0], O_RDONLY);
  return fd < 0 ? 0 : answer(lseek(fd, number(a[1]), strcmp(a[2], "data") == 0 ? SEEK_DATA : SEEK_HOLE));
}

static int allocate(char **a) {
  int fd = opened(a[0], O_RDWR);
  return fd < 0 ? 0 : answer(fallocate(fd, (int)number(a[1]), number(a[2]), number(a[3])));
}

static int write_at(char **a) {
  int fd = opened(a[0], O_WRONLY | (int)number(a[1]));
  return fd < 0 ? 0 : answer(pwrite(fd, a[3], strlen(a[3]), number(a[2])));
}

static int print_bytes(const char *bytes, ssize_t count) {
  if (count < 0) return answer(-1);
  printf("ok ");
  for (ssize_t i = 0; i < count; i++) printf("%02x", (unsigned char)bytes[i]);
  printf("\n");
  return 0;
}

static int read_at(char **a) {
  static char bytes[1 << 16];
  int fd = opened(a[0], O_RDONLY);
  size_t count = (size_t)number(a[2]);
  if (fd < 0) return 0;
  return print_bytes(bytes, pread(fd, bytes, count < sizeof bytes ? count : sizeof bytes, number(a[1])));
}

static long nanoseconds(const char *text) {
  if (strcmp(text, "now") == 0) return UTIME_NOW;
  return strcmp(text, "omit") == 0 ? UTIME_OMIT : number(text);
}

static int set_times(char **a) {
  struct timespec times[2] = {{number(a[1]), nanoseconds(a[2])}, {number(a[3]), nanoseconds(a[4])}};
  return answer(utimensat(AT_FDCWD, a[0], times, AT_SYMLINK_NOFOLLOW));
}

// Values are text; `@N` stands for N times 'x', `%HEX` for bytes.
static char *value_of(const char *text, size_t *bytes) {
  char *value = malloc(1 << 20);
  *bytes = strlen(text);
  if (text[0] == '@') {
    *bytes = (size_t)number(text + 1);
    memset(value, 'x', *bytes);
  } else if (text[0] == '%') {
    *bytes = (*bytes - 1) / 2;
    for (size_t i = 0; i < *bytes; i++) sscanf(text + 1 + 2 * i, "%2hhx", (unsigned char *)value + i);
  } else {
    memcpy(value, text, *bytes);
  }
  return value;
}

static int set_attribute(char **a) {
  size_t bytes;
  char *value = value_of(a[2], &bytes);
  return answer(lsetxattr(a[0], a[1], value, bytes, (int)number(a[3])));
}

// `set-many PATH COUNT`: user.attribute-N, each with its own name as value.
static int set_many(char **a) {
  for (long long i = 0; i < number(a[1]); i++) {
    char name[64];
    snprintf(name, sizeof name, "user.attribute-%lld", i);
    if (lsetxattr(a[0], name, name, strlen(name), XATTR_CREATE) != 0) return answer(-1);
  }
  return answer(0);
}

static int get_attribute(char **a) {
  static char value[1 << 17];
  ssize_t count = lgetxattr(a[0], a[1], value, (size_t)number(a[2]));
  return number(a[2]) == 0 ? answer(count) : print_bytes(value, count);
}

static int list_attributes(char **a) {
  static char names[1 << 17];
  ssize_t count = llistxattr(a[0], names, (size_t)number(a[1]));
  return number(a[1]) == 0 ? answer(count) : print_bytes(names, count);
}

static int space(char **a) {
  struct statvfs s;
  if (statvfs(a[0], &s) != 0) return answer(-1);
  printf("ok %lu %lu %llu %llu %llu %llu %llu %lu\n", s.f_bsize, s.f_frsize, (unsigned long long)s.f_blocks, (unsigned long long)s.f_bfree,
         (unsigned long long)s.f_bavail, (unsigned long long)s.f_files, (unsigned long long)s.f_ffree, s.f_namemax);
  return 0;
}

// Writes text through a shared mapping, msyncs, and reads it back with pread: `call map PATH OPEN-FLAGS OFFSET TEXT`.
static int map_write(char **a) {
  int fd = opened(a[0], O_RDWR | (int)number(a[1]));
  if (fd < 0) return 0;
  struct stat s;
  fstat(fd, &s);
  char *map = mmap(NULL, (size_t)s.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return answer(-1);
  size_t count = strlen(a[3]);
  memcpy(map + number(a[2]), a[3], count);
  if (msync(map, (size_t)s.st_size, MS_SYNC) != 0) return answer(-1);
  char *back = malloc(count);
  ssize_t got = pread(fd, back, count, number(a[2]));
  if (got != (ssize_t)count || memcmp(back, a[3], count) != 0) errno = EIO, got = -1;
  munmap(map, (size_t)s.st_size);
  close(fd);
  return answer(got);
}

static int map_read(char **a) {
  int fd = opened(a[0], O_RDONLY);
  if (fd < 0) return 0;
  size_t end = (size_t)(number(a[1]) + number(a[2]));
  char *map = mmap(NULL, end, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return answer(-1);
  return print_bytes(map + number(a[1]), (ssize_t)number(a[2]));
}

static int copy_range(char **a) {
  int from = opened(a[0], O_RDONLY), to = opened(a[1], O_WRONLY | O_CREAT);
  if (from < 0 || to < 0) return 0;
  loff_t in = number(a[2]), out = number(a[3]);
  return answer(copy_file_range(from, &in, to, &out, (size_t)number(a[4]), 0));
}

// A block of 4 KiB through O_DIRECT: `direct-write PATH OFFSET TEXT` fills it with zeros behind the text, `direct-read PATH OFFSET BYTES` shows its beginning.
static int direct(char **a, int writes) {
  int fd = opened(a[0], O_RDWR | O_DIRECT);
  if (fd < 0) return 0;
  char *block = aligned_alloc(4096, 4096);
  memset(block, 0, 4096);
  if (!writes) return pread(fd, block, 4096, number(a[1])) < 0 ? answer(-1) : print_bytes(block, (ssize_t)number(a[2]));
  memcpy(block, a[2], strlen(a[2]));
  return answer(pwrite(fd, block, 4096, number(a[1])));
}

// Changes a private mapping, and shows what the file has there: `map-private PATH OFFSET TEXT`.
static int map_private(char **a) {
  int fd = opened(a[0], O_RDONLY);
  if (fd < 0) return 0;
  size_t count = strlen(a[2]), end = (size_t)number(a[1]) + count;
  char *map = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) return answer(-1);
  memcpy(map + number(a[1]), a[2], count);
  char *back = malloc(count);
  return print_bytes(back, pread(fd, back, count, number(a[1])));
}

// Becomes a user with one supplementary group.
static int join_group(const char *supplementary, const char *user) {
  gid_t group = (gid_t)number(supplementary);
  return setgroups(1, &group) != 0 || setgid((gid_t)number(user)) != 0 || setuid((uid_t)number(user)) != 0 ? -1 : 0;
}

// Seconds and nanoseconds of birth.
static int birth(char **a) {
  struct statx s;
  if (statx(AT_FDCWD, a[0], AT_SYMLINK_NOFOLLOW, STATX_BTIME, &s) != 0) return answer(-1);
  if ((s.stx_mask & STATX_BTIME) == 0) errno = EOPNOTSUPP, answer(-1);
  else printf("ok %lld %u\n", (long long)s.stx_btime.tv_sec, s.stx_btime.tv_nsec);
  return 0;
}

// A file handle as hex, and the first bytes of what it leads to: `call handle PATH`, `call read-handle MOUNT HEX`.
static int handle_of(char **a) {
  union { struct file_handle head; unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } handle = {.head.handle_bytes = MAX_HANDLE_SZ};
  int mount;
  if (name_to_handle_at(AT_FDCWD, a[0], &handle.head, &mount, 0) != 0) return answer(-1);
  return print_bytes((char *)handle.bytes, (ssize_t)(sizeof(struct file_handle) + handle.head.handle_bytes));
}

static int read_handle(char **a) {
  union { struct file_handle head; unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } handle;
  for (size_t i = 0; i < strlen(a[1]) / 2 && i < sizeof handle; i++) sscanf(a[1] + 2 * i, "%2hhx", handle.bytes + i);
  int mount = open(a[0], O_RDONLY | O_DIRECTORY);
  int fd = open_by_handle_at(mount, &handle.head, O_RDONLY);
  if (fd < 0) return answer(-1);
  char text[100];
  return print_bytes(text, read(fd, text, sizeof text));
}

int main(int count, char **v) {
  if (count < 3) return 2;
  // `in-group GROUP USER CALL...`
  if (strcmp(v[1], "in-group") == 0 && count > 5) {
    if (join_group(v[2], v[3]) != 0) return answer(-1);
    v += 3;
    count -= 3;
  }
  char **a = v + 2;
#define IF(name, arguments) if (strcmp(v[1], name) == 0 && count == (arguments) + 2)
  IF("rename", 3) return answer(renameat2(AT_FDCWD, a[0], AT_FDCWD, a[1], (unsigned)number(a[2])));
  IF("mknod", 4) return answer(mknod(a[0], (mode_t)number(a[1]), makedev(number(a[2]), number(a[3]))));
  IF("fallocate", 4) return allocate(a);
  IF("seek", 3) return seek_range(a);
  IF("pwrite", 4) return write_at(a);
  IF("pread", 3) return read_at(a);
  IF("open", 2) return answer(open(a[0], (int)number(a[1]), 0644));
  IF("mkdir", 2) return answer(mkdir(a[0], (mode_t)number(a[1])));
  IF("truncate", 2) return answer(truncate(a[0], number(a[1])));
  IF("chmod", 2) return answer(chmod(a[0], (mode_t)number(a[1])));
  IF("chown", 3) return answer(chown(a[0], (uid_t)number(a[1]), (gid_t)number(a[2])));
  IF("access", 2) return answer(access(a[0], (int)number(a[1])));
  IF("unlink", 1) return answer(unlink(a[0]));
  IF("utimens", 5) return set_times(a);
  IF("setxattr", 4) return set_attribute(a);
  IF("getxattr", 3) return get_attribute(a);
  IF("listxattr", 2) return list_attributes(a);
  IF("removexattr", 2) return answer(lremovexattr(a[0], a[1]));
  IF("statvfs", 1) return space(a);
  IF("map", 4) return map_write(a);
  IF("map-read", 3) return map_read(a);
  IF("copy-range", 5) return copy_range(a);
  IF("set-many", 2) return set_many(a);
  IF("direct-write", 3) return direct(a, 1);
  IF("direct-read", 3) return direct(a, 0);
  IF("map-private", 3) return map_private(a);
  IF("birth", 1) return birth(a);
  IF("handle", 1) return handle_of(a);
  IF("read-handle", 2) return read_handle(a);
  return 2;
}
