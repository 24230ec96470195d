// An NFS 4 client in user space (libnfs): `nfs-client URL` takes commands, a line each, and answers each with a line,
// `ok TEXT` or `errno NAME`. A handle is what the server calls a file, whatever its path: it may come from an earlier client.
//   write PATH TEXT   read PATH   rename FROM TO   unlink PATH   mkdir PATH   list PATH   handle PATH   read-handle HANDLE
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-nfs4.h>

static char text[4096];

static int put(struct nfs_context *nfs, const char *path, char *what) {
  struct nfsfh *file = NULL;
  int result = nfs_open(nfs, path, O_WRONLY | O_CREAT | O_TRUNC, &file);
  if (result < 0) return result;
  result = nfs_write(nfs, file, strlen(what), what);
  int synced = nfs_fsync(nfs, file);
  int closed = nfs_close(nfs, file);
  return result < 0 ? result : synced < 0 ? synced : closed;
}

static int get(struct nfs_context *nfs, const char *path) {
  struct nfsfh *file = NULL;
  int result = nfs_open(nfs, path, O_RDONLY, &file);
  if (result < 0) return result;
  result = nfs_read(nfs, file, sizeof text - 1, text);
  text[result < 0 ? 0 : result] = 0;
  int closed = nfs_close(nfs, file);
  return result < 0 ? result : closed;
}

static int list(struct nfs_context *nfs, const char *path) {
  struct nfsdir *dir = NULL;
  int result = nfs_opendir(nfs, path, &dir);
  if (result < 0) return result;
  for (struct nfsdirent *entry; (entry = nfs_readdir(nfs, dir)) != NULL;) {
    if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) continue;
    size_t at = strlen(text);
    snprintf(text + at, sizeof text - at, "%s%s", at == 0 ? "" : " ", entry->name);
  }
  nfs_closedir(nfs, dir);
  return 0;
}

struct compound {
  int done;
  int result;
};

static void received(struct rpc_context *rpc, int status, void *data, void *private_data) {
  (void)rpc;
  struct compound *compound = private_data;
  compound->done = 1;
  if (status != RPC_STATUS_SUCCESS) {
    compound->result = -EIO;
    return;
  }
  COMPOUND4res *answer = data;
  compound->result = answer->status == NFS4_OK ? 0 : answer->status == NFS4ERR_STALE ? -ESTALE : answer->status == NFS4ERR_NOENT ? -ENOENT : -EPROTO;
  if (compound->result != 0) return;
  nfs_resop4 *last = &answer->resarray.resarray_val[answer->resarray.resarray_len - 1];
  if (last->resop == OP_GETFH) {
    nfs_fh4 *handle = &last->nfs_resop4_u.opgetfh.GETFH4res_u.resok4.object;
    for (unsigned i = 0; i < handle->nfs_fh4_len; i++) sprintf(text + 2 * i, "%02x", (unsigned char)handle->nfs_fh4_val[i]);
  } else if (last->resop == OP_READ) {
    READ4resok *read = &last->nfs_resop4_u.opread.READ4res_u.resok4;
    snprintf(text, sizeof text, "%.*s", (int)read->data.data_len, read->data.data_val);
  }
}

static int send_all(struct nfs_context *nfs, nfs_argop4 *operations, unsigned count) {
  struct rpc_context *rpc = nfs_get_rpc_context(nfs);
  struct compound compound = {0, 0};
  COMPOUND4args arguments = {.argarray = {.argarray_len = count, .argarray_val = operations}};
  if (rpc_nfs4_compound_async(rpc, received, &arguments, &compound) != 0) return -EIO;
  while (!compound.done) {
    struct pollfd waiting = {.fd = rpc_get_fd(rpc), .events = (short)rpc_which_events(rpc)};
    if (poll(&waiting, 1, 10000) <= 0 || rpc_service(rpc, waiting.revents) < 0) return -EIO;
  }
  return compound.result;
}

static int handle_of(struct nfs_context *nfs, char *export, char *path) {
  nfs_argop4 operations[16] = {{.argop = OP_PUTROOTFH}};
  unsigned count = 1;
  char whole[4096];
  snprintf(whole, sizeof whole, "%s/%s", export, path);
  for (char *rest = whole, *name; (name = strsep(&rest, "/")) != NULL;) {
    if (*name == 0) continue;
    if (count > 14) return -ENAMETOOLONG;
    operations[count].argop = OP_LOOKUP;
    operations[count++].nfs_argop4_u.oplookup.objname = (component4){.utf8string_len = (u_int)strlen(name), .utf8string_val = name};
  }
  operations[count++].argop = OP_GETFH;
  return send_all(nfs, operations, count);
}

/** Without having opened it: the stateid of zeros. */
static int read_handle(struct nfs_context *nfs, const char *handle) {
  char bytes[128];
  unsigned length = (unsigned)(strlen(handle) / 2);
  if (length > sizeof bytes) return -EINVAL;
  for (unsigned i = 0; i < length; i++) {
    unsigned byte;
    if (sscanf(handle + 2 * i, "%2x", &byte) != 1) return -EINVAL;
    bytes[i] = (char)byte;
  }
  nfs_argop4 operations[2] = {{.argop = OP_PUTFH}, {.argop = OP_READ}};
  operations[0].nfs_argop4_u.opputfh.object = (nfs_fh4){.nfs_fh4_len = length, .nfs_fh4_val = bytes};
  operations[1].nfs_argop4_u.opread.count = sizeof text - 1;
  return send_all(nfs, operations, 2);
}

int main(int count, char **v) {
  struct nfs_context *nfs = nfs_init_context();
  if (count != 2 || nfs == NULL) return 2;
  struct nfs_url *url = nfs_parse_url_dir(nfs, v[1]);
  if (url == NULL || nfs_mount(nfs, url->server, url->path) != 0) {
    fprintf(stderr, "%s: %s\n", v[1], nfs_get_error(nfs));
    return 1;
  }
  char line[4096];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *rest = line, *words[3] = {"", "", ""};
    line[strcspn(line, "\n")] = 0;
    for (int i = 0; i < 3 && rest != NULL; i++) words[i] = i == 2 ? rest : strsep(&rest, " ");
    int result = -EINVAL;
    text[0] = 0;
    if (strcmp(words[0], "write") == 0) result = put(nfs, words[1], words[2]);
    else if (strcmp(words[0], "read") == 0) result = get(nfs, words[1]);
    else if (strcmp(words[0], "rename") == 0) result = nfs_rename(nfs, words[1], words[2]);
    else if (strcmp(words[0], "unlink") == 0) result = nfs_unlink(nfs, words[1]);
    else if (strcmp(words[0], "mkdir") == 0) result = nfs_mkdir(nfs, words[1]);
    else if (strcmp(words[0], "list") == 0) result = list(nfs, words[1]);
    else if (strcmp(words[0], "handle") == 0) result = handle_of(nfs, url->path, words[1]);
    else if (strcmp(words[0], "read-handle") == 0) result = read_handle(nfs, words[1]);
    if (result < 0) printf("errno %s\n", strerrorname_np(-result));
    else printf("ok %s\n", text);
    fflush(stdout);
  }
  return 0;
}
