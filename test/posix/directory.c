// Ways to read a directory that Node lacks: `directory MODE PATH`. Prints `ok COUNT` or `wrong REASON`, exits 0.
//   list    one line an entry: inode, d_type, name (then ok)
//   delete  unlinks every entry while reading
//   seek    remembers telldir of every entry, then visits them backwards with seekdir
//   rewind  a name made after the end was reached is seen after rewinddir
//   churn   entries that stay (k...) are seen exactly once while others come and go (for a bounded number of steps: where
//           new names are listed last, a list that makes a name for every one it reads would never end)
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { entries_max = 20000, churn_steps_max = 3000 };
static DIR *directory;
static long positions[entries_max];
static char *names[entries_max];

static int wrong(const char *reason) {
  printf("wrong %s (%s)\n", reason, errno == 0 ? "no errno" : strerrorname_np(errno));
  return 0;
}

static int ok(int count) {
  printf("ok %d\n", count);
  return 0;
}

static struct dirent *next(void) {
  errno = 0;
  return readdir(directory);
}

static int is_dot(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

static int list(void) {
  int count = 0;
  for (struct dirent *entry; (entry = next()) != NULL; count++) printf("%llu %d %s\n", (unsigned long long)entry->d_ino, entry->d_type, entry->d_name);
  return errno != 0 ? wrong("readdir") : ok(count);
}

static int delete(void) {
  int count = 0;
  for (struct dirent *entry; (entry = next()) != NULL;) {
    if (is_dot(entry->d_name)) continue;
    if (unlinkat(dirfd(directory), entry->d_name, 0) != 0) return wrong(entry->d_name);
    count++;
  }
  return errno != 0 ? wrong("readdir") : ok(count);
}

static int seek(void) {
  int count = 0;
  for (;;) {
    long position = telldir(directory);
    struct dirent *entry = next();
    if (entry == NULL || count == entries_max) break;
    positions[count] = position;
    names[count++] = strdup(entry->d_name);
  }
  for (int i = count - 1; i >= 0; i -= 7) {
    seekdir(directory, positions[i]);
    struct dirent *entry = next();
    if (entry == NULL || strcmp(entry->d_name, names[i]) != 0) return wrong(names[i]);
  }
  return ok(count);
}

static int make(const char *name) {
  int fd = openat(dirfd(directory), name, O_CREAT | O_WRONLY, 0644);
  return fd < 0 ? -1 : close(fd);
}

static int rewind_and_see(void) {
  while (next() != NULL) continue;
  if (make("made-later") != 0) return wrong("open");
  rewinddir(directory);
  int seen = 0, count = 0;
  for (struct dirent *entry; (entry = next()) != NULL; count++) seen += strcmp(entry->d_name, "made-later") == 0;
  return seen == 1 ? ok(count) : wrong("the new name was not seen once");
}

static int churn(void) {
  static char seen[entries_max];
  int count = 0, step = 0;
  char name[64];
  for (struct dirent *entry; (entry = next()) != NULL; step++) {
    snprintf(name, sizeof name, "t-%d", step);
    if (step < churn_steps_max && make(name) != 0) return wrong(name);
    snprintf(name, sizeof name, "t-%d", step - 5);
    if (step >= 5 && step < churn_steps_max && unlinkat(dirfd(directory), name, 0) != 0) return wrong(name);
    if (entry->d_name[0] != 'k') continue;
    int which = atoi(entry->d_name + 1);
    if (seen[which]++) return wrong("a name was listed twice");
    count++;
    if (step > 4 * entries_max) return wrong("the list does not end");
  }
  return ok(count);
}

int main(int count, char **v) {
  if (count != 3) return 2;
  directory = opendir(v[2]);
  if (directory == NULL) return wrong("opendir");
  if (strcmp(v[1], "list") == 0) return list();
  if (strcmp(v[1], "delete") == 0) return delete();
  if (strcmp(v[1], "seek") == 0) return seek();
  if (strcmp(v[1], "rewind") == 0) return rewind_and_see();
  return strcmp(v[1], "churn") == 0 ? churn() : 2;
}
