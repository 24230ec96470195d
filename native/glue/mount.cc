// Mounting, remounting and unmounting: mount(2) and umount2(2) on a pool thread, and the socket through which fusermount3 hands over
// the device. Failures are negative errno values; what they mean is said in src/fuse.
#include "addon.h"
#include "arguments.h"
#include "channel.h"
#include "fuse-work.h"

#include <cerrno>
#include <sys/mount.h>

namespace {

bool GetText(napi_env env, napi_value value, std::string *text) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    Throw(env, "a string is wanted");
    return false;
  }
  text->resize(length + 1);
  napi_get_value_string_utf8(env, value, &(*text)[0], length + 1, &length);
  text->resize(length);
  // The kernel would see what lies before it.
  if (text->find('\0') == std::string::npos) return true;
  Throw(env, "a string without NUL is wanted");
  return false;
}

// fuseMount(mountPoint, source, type, flags, options): resolves to the device.
napi_value Mount(napi_env env, napi_callback_info info) {
  napi_value args[5];
  uint32_t flags;
  if (!Arguments(env, info, args, 5)) return nullptr;
  FuseWork *work = new FuseWork();
  if (!GetText(env, args[0], &work->mount_point) || !GetText(env, args[1], &work->source) ||
      !GetText(env, args[2], &work->type) || !GetU32(env, args[3], &flags) || !GetText(env, args[4], &work->options)) {
    delete work;
    return nullptr;
  }
  work->flags = flags;
  work->gives_device = true;
  work->run = [](FuseWork *job) {
    return hf_fuse_mount(job->mount_point.c_str(), job->source.c_str(), job->type.c_str(), job->flags,
                         job->options.c_str(), &job->device);
  };
  return QueueFuseWork(env, work, "holdfast:fuse-mount");
}

// fuseUnmount(mountPoint, flags): umount2(2).
napi_value Unmount(napi_env env, napi_callback_info info) {
  napi_value args[2];
  uint32_t flags;
  if (!Arguments(env, info, args, 2) || !GetU32(env, args[1], &flags)) return nullptr;
  FuseWork *work = new FuseWork();
  if (!GetText(env, args[0], &work->mount_point)) {
    delete work;
    return nullptr;
  }
  work->flags = flags;
  work->run = [](FuseWork *job) {
    return umount2(job->mount_point.c_str(), static_cast<int>(job->flags)) == 0 ? 0 : errno;
  };
  return QueueFuseWork(env, work, "holdfast:fuse-unmount");
}

// fuseRemount(mountPoint, flags): mount(2) with MS_REMOUNT. The kernel first writes back what is dirty, so it may wait for our answers.
napi_value Remount(napi_env env, napi_callback_info info) {
  napi_value args[2];
  uint32_t flags;
  if (!Arguments(env, info, args, 2) || !GetU32(env, args[1], &flags)) return nullptr;
  FuseWork *work = new FuseWork();
  if (!GetText(env, args[0], &work->mount_point)) {
    delete work;
    return nullptr;
  }
  work->flags = flags;
  work->run = [](FuseWork *job) {
    return mount(nullptr, job->mount_point.c_str(), nullptr, MS_REMOUNT | job->flags, nullptr) == 0 ? 0 : errno;
  };
  return QueueFuseWork(env, work, "holdfast:fuse-remount");
}

// socketPair(): two descriptors, or a negative errno.
napi_value SocketPair(napi_env env, napi_callback_info) {
  int ends[2];
  napi_value result, end;
  int failed = hf_socket_pair(ends);
  if (failed != 0) {
    napi_create_int32(env, -failed, &result);
    return result;
  }
  napi_create_array_with_length(env, 2, &result);
  for (uint32_t i = 0; i < 2; i++) {
    napi_create_int32(env, ends[i], &end);
    napi_set_element(env, result, i, end);
  }
  return result;
}

// receiveDevice(socket): the device that fusermount3 has sent, or a negative errno.
napi_value ReceiveDevice(napi_env env, napi_callback_info info) {
  napi_value args[1], result;
  uint32_t socket;
  if (!Arguments(env, info, args, 1) || !GetU32(env, args[0], &socket)) return nullptr;
  int device = -1;
  int failed = hf_receive_device(static_cast<int>(socket), &device);
  napi_create_int32(env, failed != 0 ? -failed : device, &result);
  return result;
}

}  // namespace

void RegisterMount(napi_env env, napi_value exports) {
  AddFunction(env, exports, "fuseMount", Mount);
  AddFunction(env, exports, "fuseUnmount", Unmount);
  AddFunction(env, exports, "fuseRemount", Remount);
  AddFunction(env, exports, "socketPair", SocketPair);
  AddFunction(env, exports, "receiveDevice", ReceiveDevice);
}
