// What the system calls say is turned into few errors here, so that callers need not know the kernel's corners.
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

int hf_fuse_mount(const char *mount_point, const char *source, const char *type, unsigned long flags,
                  const char *options, int *device) {
  int fd = open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return errno;
  char *data = NULL;
  if (asprintf(&data, "fd=%d,%s", fd, options) < 0) {
    close(fd);
    return ENOMEM;
  }
  int failed = mount(source, mount_point, type, flags, data) == 0 ? 0 : errno;
  free(data);
  if (failed != 0)
    close(fd);
  else
    *device = fd;
  return failed;
}

int hf_socket_pair(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno;
}

int hf_receive_device(int socket, int *device) {
  char byte;
  struct iovec piece = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  // Room for exactly one descriptor: the padding would hold a second one, which nobody would close.
  struct msghdr message = {
      .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
  ssize_t got;
  do got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? ENOMSG : errno;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len < CMSG_LEN(sizeof(int)))
    return ENOMSG;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof(fd));
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    int failed = errno;
    close(fd);
    return failed;
  }
  *device = fd;
  return 0;
}

int hf_fuse_read(int device, void *into, size_t room, size_t *length) {
  for (;;) {
    ssize_t got = read(device, into, room);
    if (got > 0) {
      *length = (size_t)got;
      return 0;
    }
    // A test's socket whose other end is closed reads 0 where the device would say ENODEV.
    if (got == 0) return ENODEV;
    // ENOENT: the request was interrupted while it was being read; the next one may be there.
    if (errno != EINTR && errno != ENOENT) return errno;
  }
}

int hf_fuse_write(int device, const struct iovec *pieces, int count) {
  for (;;) {
    if (writev(device, pieces, count) >= 0) return 0;
    if (errno == ENOENT) return 0;
    if (errno != EINTR) return errno;
  }
}
