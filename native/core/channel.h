// The kernel side of a FUSE mount as plain system calls: make a device, mount it, read a request, write an answer.
// Holds no state; every function gives 0 or an errno. The device is non-blocking and closed on exec.
#pragma once
#include <stddef.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

// Opens /dev/fuse and mounts it with mount(2), which needs CAP_SYS_ADMIN. `options` come after "fd=N,".
int hf_fuse_mount(const char *mount_point, const char *source, const char *type, unsigned long flags,
                  const char *options, int *device);

// Two connected sockets that keep message borders, closed on exec. One end goes to fusermount3 as _FUSE_COMMFD.
int hf_socket_pair(int ends[2]);

// Takes the device that fusermount3 has sent. Does not wait: ENOMSG when nothing was sent.
int hf_receive_device(int socket, int *device);

// Reads one request. 0; EAGAIN: none is waiting; ENODEV: unmounted; ECONNABORTED: the connection was cut.
int hf_fuse_read(int device, void *into, size_t room, size_t *length);

// Writes one answer or notification whole. An answer to a request that was interrupted meanwhile is no error.
int hf_fuse_write(int device, const struct iovec *pieces, int count);

#ifdef __cplusplus
}
#endif
