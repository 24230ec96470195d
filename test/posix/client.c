// A client process of the filesystem: `client MODE PATH ARGUMENT...`. Modes that hold something print `ready` and wait
// to be killed; the others print `ok` or `errno NAME`.
//   hold-flock PATH            try-flock PATH
//   hold-range PATH FROM LEN   try-range PATH FROM LEN      (fcntl locks)
//   hold-ofd PATH FROM LEN     try-ofd PATH FROM LEN        (locks of the open file)
//   hold-unlinked PATH TEXT    creates, writes, unlinks, keeps it open
//   work DIR SEED               changes things in DIR at random until killed
//   temporary DIR TEXT NAME FLAGS   writes a file without a name (O_TMPFILE), judges it, and gives it the name (an absolute path)
//   hold-written PATH TEXT     creates and writes, never syncs
//   append PATH TEXT COUNT     COUNT lines through O_APPEND, one write each
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int answer(int result) {
  if (result < 0) printf("errno %s\n", strerrorname_np(errno));
  else printf("ok\n");
  return 0;
}

static int hold(int result) {
  if (result < 0) return answer(result);
  printf("ready\n");
  fflush(stdout);
  for (;;) pause();
}

static int lock_range(int fd, char **v) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = atol(v[3]), .l_len = atol(v[4])};
  return fcntl(fd, F_SETLK, &lock);
}

static int lock_open_file(int fd, char **v) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = atol(v[3]), .l_len = atol(v[4])};
  return fcntl(fd, F_OFD_SETLK, &lock);
}

static int append(const char *path, const char *text, int count) {
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (fd < 0) return -1;
  char line[256];
  for (int i = 0; i < count; i++) {
    int bytes = snprintf(line, sizeof line, "%s %06d\n", text, i);
    if (write(fd, line, (size_t)bytes) != bytes) return -1;
  }
  return close(fd);
}

static int work(const char *dir, unsigned seed) {
  static char bytes[300000];
  if (chdir(dir) != 0) return -1;
  for (;;) {
    char name[32], other[32];
    snprintf(name, sizeof name, "f%d", rand_r(&seed) % 20);
    snprintf(other, sizeof other, "f%d", rand_r(&seed) % 20);
    int fd = open(name, O_RDWR | O_CREAT, 0644), from = open(other, O_RDONLY);
    off_t at = rand_r(&seed) % 500000;
    size_t length = (size_t)(rand_r(&seed) % (int)sizeof bytes);
    // What fails, fails: others are at it too.
    int result = fd < 0 ? -1 : 0;
    switch (rand_r(&seed) % 9) {
      case 0: result = (int)pwrite(fd, bytes, length, at); break;
      case 1: result = (int)pread(fd, bytes, length, at); break;
      case 2: result = rename(name, other); break;
      case 3: result = unlink(name); break;
      case 4: result = fsync(fd); break;
      case 5: result = ftruncate(fd, at); break;
      case 6: result = link(name, other); break;
      case 7: result = (int)copy_file_range(from, NULL, fd, NULL, length, 0); break;
      default: {
        char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        struct stat s;
        if (map != MAP_FAILED && fstat(fd, &s) == 0 && s.st_size >= 500000) map[at % 4096]++;
        if (map != MAP_FAILED) munmap(map, 4096);
      }
    }
    (void)result;
    if (fd >= 0) close(fd);
    if (from >= 0) close(from);
  }
}

static int temporary(const char *dir, const char *text, const char *name, int flags) {
  int fd = open(dir, O_TMPFILE | O_RDWR | flags, 0640);
  struct stat s;
  if (fd < 0 || fstat(fd, &s) != 0) return -1;
  if (s.st_nlink != 0 || !S_ISREG(s.st_mode)) return errno = EIO, -1;
  if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) return -1;
  char path[64], back[256];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) != 0) return -1;
  if (fstat(fd, &s) != 0 || s.st_nlink != 1) return errno = EIO, -1;
  return pread(fd, back, sizeof back, 0) == (ssize_t)strlen(text) ? close(fd) : -1;
}

int main(int count, char **v) {
  if (count < 3) return 2;
  const char *mode = v[1], *path = v[2];
  if (strcmp(mode, "append") == 0 && count == 5) return answer(append(path, v[3], atoi(v[4])));
  if (strcmp(mode, "work") == 0 && count == 4) {
    printf("ready\n");
    fflush(stdout);
    return answer(work(path, (unsigned)atoi(v[3])));
  }
  if (strcmp(mode, "temporary") == 0 && count == 6) return answer(temporary(path, v[3], v[4], atoi(v[5])));
  int fd = open(path, O_RDWR | O_CREAT, 0644);
  if (fd < 0) return answer(-1);
  if (strcmp(mode, "hold-flock") == 0) return hold(flock(fd, LOCK_EX | LOCK_NB));
  if (strcmp(mode, "try-flock") == 0) return answer(flock(fd, LOCK_EX | LOCK_NB));
  if (strcmp(mode, "hold-range") == 0 && count == 5) return hold(lock_range(fd, v));
  if (strcmp(mode, "try-range") == 0 && count == 5) return answer(lock_range(fd, v));
  if (strcmp(mode, "hold-ofd") == 0 && count == 5) return hold(lock_open_file(fd, v));
  if (strcmp(mode, "try-ofd") == 0 && count == 5) return answer(lock_open_file(fd, v));
  if (count != 4) return 2;
  if (write(fd, v[3], strlen(v[3])) != (ssize_t)strlen(v[3])) return answer(-1);
  if (strcmp(mode, "hold-written") == 0) return hold(0);
  return strcmp(mode, "hold-unlinked") == 0 ? hold(unlink(path)) : 2;
}
