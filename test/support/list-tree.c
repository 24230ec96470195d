// Lists a whole tree as a program that copies disks would have to see it: `list-tree DIR`, one line an entry, depth first.
// Tab-separated: path from DIR, type, mode, uid, gid, mtime, ctime, size, inode, links, device, target, xattrs, data ranges.
// Bytes that are not plain text stand as \xHH, so that any name fits on its line. Any failure ends it with exit code 1.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static void die(const char *what, const char *path) {
  fprintf(stderr, "list-tree: %s %s: %s\n", what, path, strerror(errno));
  exit(1);
}

static void put(const char *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c > 0x20 && c < 0x7f && c != '\\') putchar(c);
    else printf("\\x%02x", c);
  }
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// Sorted NAME=HEX, with commas between; sockets and links have them too (trusted.*).
static void put_attributes(const char *path) {
  static char names[1 << 17], value[1 << 17];
  ssize_t bytes = llistxattr(path, names, sizeof names);
  if (bytes < 0 && errno != ENOTSUP && errno != EPERM) die("cannot list attributes of", path);
  char *sorted[4096];
  size_t count = 0;
  for (char *name = names; bytes > 0 && name < names + bytes && count < 4096; name += strlen(name) + 1) sorted[count++] = name;
  qsort(sorted, count, sizeof *sorted, by_name);
  for (size_t i = 0; i < count; i++) {
    ssize_t length = lgetxattr(path, sorted[i], value, sizeof value);
    if (length < 0) die("cannot read an attribute of", path);
    if (i > 0) putchar(',');
    put(sorted[i], strlen(sorted[i]));
    putchar('=');
    for (ssize_t b = 0; b < length; b++) printf("%02x", (unsigned char)value[b]);
  }
}

static void put_data_ranges(const char *path, off_t size) {
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) die("cannot open", path);
  const char *comma = "";
  for (off_t at = 0; at < size;) {
    off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    if (data < 0) die("cannot seek data in", path);
    off_t hole = lseek(fd, data, SEEK_HOLE);
    if (hole < 0) die("cannot seek a hole in", path);
    printf("%s%lld-%lld", comma, (long long)data, (long long)hole);
    comma = ",";
    at = hole;
  }
  close(fd);
}

static char type_of(mode_t mode) {
  return S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISFIFO(mode) ? 'p' : S_ISSOCK(mode) ? 's' : S_ISCHR(mode) ? 'c' : 'b';
}

static void put_entry(const char *path, const struct stat *s) {
  static char target[1 << 16];
  put(path, strlen(path));
  printf("\t%c\t%04o\t%u\t%u\t%lld.%09ld\t%lld.%09ld\t%lld\t%llu\t%llu\t%u:%u\t", type_of(s->st_mode), (unsigned)s->st_mode & 07777, s->st_uid, s->st_gid,
         (long long)s->st_mtim.tv_sec, s->st_mtim.tv_nsec, (long long)s->st_ctim.tv_sec, s->st_ctim.tv_nsec, (long long)s->st_size,
         (unsigned long long)s->st_ino, (unsigned long long)s->st_nlink, major(s->st_rdev), minor(s->st_rdev));
  if (S_ISLNK(s->st_mode)) {
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0) die("cannot read the link", path);
    put(target, (size_t)length);
  }
  putchar('\t');
  put_attributes(path);
  putchar('\t');
  if (S_ISREG(s->st_mode)) put_data_ranges(path, s->st_size);
  putchar('\n');
}

static void list(const char *path) {
  struct stat s;
  if (lstat(path, &s) != 0) die("cannot look at", path);
  put_entry(path, &s);
  if (!S_ISDIR(s.st_mode)) return;
  DIR *dir = opendir(path);
  if (dir == NULL) die("cannot open", path);
  for (;;) {
    errno = 0;
    struct dirent *entry = readdir(dir);
    if (entry == NULL && errno != 0) die("cannot list", path);
    if (entry == NULL) break;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char *child = NULL;
    if (asprintf(&child, "%s/%s", path, entry->d_name) < 0) die("no memory for", path);
    list(child);
    free(child);
  }
  closedir(dir);
}

int main(int count, char **v) {
  if (count != 2) return 2;
  if (chdir(v[1]) != 0) die("cannot enter", v[1]);
  list(".");
  return fflush(stdout) == 0 ? 0 : 1;
}
