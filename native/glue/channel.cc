// /dev/fuse in Node's event loop, as JavaScript class FuseChannel and a few functions around mounting.
// Requests are read into fixed slots of one shared mapping and handed over by number; answers are written from a reply
// area of the same kind. All on the loop's own thread, except notifications: the kernel may wait in them for a request
// that only this process can answer.
// Lifetime: while the device is open the channel holds itself and its memory; after close() the collector takes both.
#include "addon.h"
#include "arguments.h"
#include "channel.h"
#include "fuse-work.h"
#include "memory.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>
#include <vector>

namespace {

// The fixed part of WRITE (in-header 40, fuse_write_in 40) ends where a page begins, so that its payload is page-aligned.
constexpr size_t kPage = 4096;
constexpr size_t kLead = 80;
constexpr size_t kPayload = 1 << 20;
constexpr size_t kSlot = kPage + kPayload;
constexpr size_t kReplyArea = kPage + kPayload;
// Per wake-up: more would let disk completions wait for several milliseconds.
constexpr int kRequestsPerTurn = 256;
constexpr size_t kBytesPerTurn = 4 << 20;
constexpr uint32_t kPiecesMax = 64;

// Memory that JavaScript sees as an ArrayBuffer. Held by that and by the channel, so that it stays while either could touch it:
// an ArrayBuffer can be moved elsewhere (transfer) and be collected there.
struct Area {
  uint8_t *at;
  size_t bytes;
  int holders;
};

void LetGo(Area *area) {
  if (area == nullptr || --area->holders > 0) return;
  hf_aligned_free(area->at, area->bytes);
  delete area;
}

struct Channel {
  ~Channel() {
    LetGo(slots);
    LetGo(reply);
  }

  napi_env env;
  napi_async_context context = nullptr;
  napi_async_cleanup_hook_handle cleanup = nullptr;
  napi_ref self = nullptr;
  napi_ref on_request = nullptr;
  napi_ref on_end = nullptr;
  uv_poll_t poll;
  int device = -1;
  // The handle is known to the loop: from start to the end of its close callback.
  bool polled = false;
  bool waiting_for_slot = false;
  bool collected = false;
  Area *slots = nullptr;
  Area *reply = nullptr;
  std::vector<uint32_t> free_slots;
  std::vector<bool> taken;
  size_t turn_bytes = 0;
};

void OnPoll(uv_poll_t *handle, int status, int events);

// ---- closing --------------------------------------------------------------------------------

void OnClosed(uv_handle_t *handle) {
  Channel *channel = static_cast<Channel *>(handle->data);
  channel->polled = false;
  napi_env env = channel->env;
  if (channel->cleanup != nullptr) {
    napi_remove_async_cleanup_hook(channel->cleanup);
    channel->cleanup = nullptr;
  }
  if (channel->collected) {
    delete channel;
    return;
  }
  // The callbacks lead back to the object: only without them can it be collected. Then Finalize frees the channel.
  napi_delete_reference(env, channel->on_request);
  napi_delete_reference(env, channel->on_end);
  napi_delete_reference(env, channel->self);
}

void Close(Channel *channel) {
  if (channel->device < 0) return;
  uv_poll_stop(&channel->poll);
  close(channel->device);
  channel->device = -1;
  uv_close(reinterpret_cast<uv_handle_t *>(&channel->poll), OnClosed);
}

void OnTeardown(napi_async_cleanup_hook_handle, void *data) { Close(static_cast<Channel *>(data)); }

void Finalize(napi_env env, void *data, void *) {
  Channel *channel = static_cast<Channel *>(data);
  napi_async_destroy(env, channel->context);
  channel->collected = true;
  // An environment that is torn down finalizes everything, also a channel whose handle is still closing.
  if (channel->device >= 0)
    Close(channel);
  else if (!channel->polled)
    delete channel;
}

// ---- requests -------------------------------------------------------------------------------

void ReportException(napi_env env) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) return;
  napi_value error;
  napi_get_and_clear_last_exception(env, &error);
  napi_fatal_exception(env, error);
}

void End(Channel *channel, int reason) {
  Close(channel);
  napi_env env = channel->env;
  napi_value receiver, callback, arg;
  napi_get_reference_value(env, channel->self, &receiver);
  napi_get_reference_value(env, channel->on_end, &callback);
  napi_create_int32(env, reason, &arg);
  napi_call_function(env, receiver, callback, 1, &arg, nullptr);
  ReportException(env);
}

// Gives true when the callee keeps the slot.
bool Deliver(Channel *channel, napi_value receiver, napi_value callback, uint32_t slot, size_t length) {
  napi_env env = channel->env;
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value args[2], result;
  napi_create_uint32(env, slot, &args[0]);
  napi_create_uint32(env, static_cast<uint32_t>(length), &args[1]);
  bool keep = false;
  if (napi_call_function(env, receiver, callback, 2, args, &result) == napi_ok)
    napi_get_value_bool(env, result, &keep);
  else
    ReportException(env);
  napi_close_handle_scope(env, scope);
  return keep;
}

void ReadRequests(Channel *channel) {
  napi_env env = channel->env;
  napi_value receiver, callback;
  napi_get_reference_value(env, channel->self, &receiver);
  napi_get_reference_value(env, channel->on_request, &callback);
  channel->turn_bytes = 0;
  for (int i = 0; i < kRequestsPerTurn && channel->turn_bytes < kBytesPerTurn; i++) {
    if (channel->device < 0) return;
    if (channel->free_slots.empty()) {
      uv_poll_stop(&channel->poll);
      channel->waiting_for_slot = true;
      return;
    }
    uint32_t slot = channel->free_slots.back();
    size_t length = 0;
    int failed = hf_fuse_read(channel->device, channel->slots->at + slot * kSlot + kPage - kLead, kLead + kPayload, &length);
    if (failed == EAGAIN) return;
    if (failed != 0) return End(channel, failed);
    channel->turn_bytes += length;
    channel->free_slots.pop_back();
    channel->taken[slot] = true;
    if (!Deliver(channel, receiver, callback, slot, length)) {
      channel->taken[slot] = false;
      channel->free_slots.push_back(slot);
    }
  }
}

void OnPoll(uv_poll_t *handle, int status, int) {
  Channel *channel = static_cast<Channel *>(handle->data);
  napi_env env = channel->env;
  napi_handle_scope handles;
  napi_open_handle_scope(env, &handles);
  napi_value resource;
  napi_get_reference_value(env, channel->self, &resource);
  napi_callback_scope turn;
  napi_open_callback_scope(env, resource, channel->context, &turn);
  ReadRequests(channel);
  // On EPOLLERR libuv stops the handle; the read has said what it was, and if it was nothing we go on.
  if (status < 0 && channel->device >= 0 && !channel->waiting_for_slot) uv_poll_start(handle, UV_READABLE, OnPoll);
  // Promise reactions of the whole turn run here.
  napi_close_callback_scope(env, turn);
  napi_close_handle_scope(env, handles);
}

// ---- methods --------------------------------------------------------------------------------

Channel *Unwrap(napi_env env, napi_callback_info info, napi_value *args, size_t *count) {
  napi_value self;
  void *channel = nullptr;
  if (napi_get_cb_info(env, info, count, args, &self, nullptr) != napi_ok) return nullptr;
  if (napi_unwrap(env, self, &channel) != napi_ok) {
    Throw(env, "not a FuseChannel");
    return nullptr;
  }
  return static_cast<Channel *>(channel);
}

// reply(length, data?: Uint8Array | Uint8Array[]): writes the first `length` bytes of the reply area, then the data.
// Gives 0 or an errno.
napi_value Reply(napi_env env, napi_callback_info info) {
  napi_value args[2];
  size_t count = 2;
  Channel *channel = Unwrap(env, info, args, &count);
  if (channel == nullptr) return nullptr;
  uint32_t length;
  if (count < 1 || !GetU32(env, args[0], &length)) return nullptr;
  if (length > kReplyArea) return Throw(env, "reply: longer than the reply area");
  iovec one[2] = {{channel->reply->at, length}, {nullptr, 0}};
  std::vector<iovec> many;
  const iovec *pieces = one;
  int used = 1;
  bool is_array = false;
  napi_valuetype type = napi_undefined;
  if (count > 1) napi_typeof(env, args[1], &type);
  if (type == napi_object) {
    napi_is_array(env, args[1], &is_array);
    if (!is_array) {
      Bytes bytes;
      if (!GetBytes(env, args[1], &bytes)) return nullptr;
      one[1] = {bytes.at, bytes.length};
      used = 2;
    } else {
      std::vector<napi_value> values;
      std::vector<Bytes> list;
      if (!GetElements(env, args[1], kPiecesMax, &values) || !GetAllBytes(env, values, &list)) return nullptr;
      many.push_back(one[0]);
      for (const Bytes &bytes : list) many.push_back({bytes.at, bytes.length});
      pieces = many.data();
      used = static_cast<int>(many.size());
    }
  }
  for (int i = 0; i < used; i++) channel->turn_bytes += pieces[i].iov_len;
  int failed = channel->device < 0 ? ENODEV : hf_fuse_write(channel->device, pieces, used);
  napi_value result;
  napi_create_int32(env, failed, &result);
  return result;
}

// release(slot): gives back a slot that the request callback kept.
napi_value Release(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  Channel *channel = Unwrap(env, info, args, &count);
  if (channel == nullptr) return nullptr;
  uint32_t slot;
  if (count < 1 || !GetU32(env, args[0], &slot)) return nullptr;
  if (slot >= channel->taken.size() || !channel->taken[slot]) return Throw(env, "release: the slot is not taken");
  channel->taken[slot] = false;
  channel->free_slots.push_back(slot);
  if (channel->waiting_for_slot) {
    channel->waiting_for_slot = false;
    if (channel->device >= 0) uv_poll_start(&channel->poll, UV_READABLE, OnPoll);
  }
  return nullptr;
}

// close(): cuts the connection. Idempotent; onEnd is not called.
napi_value CloseMethod(napi_env env, napi_callback_info info) {
  size_t count = 0;
  Channel *channel = Unwrap(env, info, nullptr, &count);
  if (channel != nullptr) Close(channel);
  return nullptr;
}

// ---- notifications --------------------------------------------------------------------------

int RunNotify(FuseWork *work) {
  iovec piece = {work->bytes.data(), work->bytes.size()};
  int failed = hf_fuse_write(work->device, &piece, 1);
  close(work->device);
  return failed;
}

// notify(message): writes a whole notification.
napi_value Notify(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  Channel *channel = Unwrap(env, info, args, &count);
  if (channel == nullptr) return nullptr;
  Bytes bytes;
  if (count < 1 || !GetBytes(env, args[0], &bytes)) return nullptr;
  FuseWork *work = new FuseWork();
  work->bytes.assign(bytes.at, bytes.at + bytes.length);
  // Its own descriptor: the channel may close while the thread waits in the kernel.
  work->device = channel->device < 0 ? -1 : fcntl(channel->device, F_DUPFD_CLOEXEC, 0);
  work->run = work->device < 0 ? [](FuseWork *) { return ENODEV; } : RunNotify;
  return QueueFuseWork(env, work, "holdfast:fuse-notify");
}

// ---- construction ---------------------------------------------------------------------------

void FreeArea(napi_env, void *, void *area) { LetGo(static_cast<Area *>(area)); }

// A read-only property of `self` over new memory outside the heap. What it gives is held once for the caller.
Area *AddArea(napi_env env, napi_value self, const char *name, size_t bytes) {
  void *memory = hf_aligned_alloc(bytes);
  napi_value value;
  if (memory == nullptr) return nullptr;
  Area *area = new Area{static_cast<uint8_t *>(memory), bytes, 2};
  if (napi_create_external_arraybuffer(env, memory, bytes, FreeArea, area, &value) != napi_ok) {
    area->holders = 1;
    LetGo(area);
    return nullptr;
  }
  napi_property_descriptor property = {name, nullptr, nullptr, nullptr, nullptr, value, napi_default, nullptr};
  if (napi_define_properties(env, self, 1, &property) == napi_ok) return area;
  LetGo(area);
  return nullptr;
}

// new FuseChannel(device, slotCount, onRequest(slot, length): boolean, onEnd(errno)): owns the device from here.
napi_value Construct(napi_env env, napi_callback_info info) {
  napi_value args[4], self, label, target;
  size_t count = 4;
  uint32_t device, slot_count;
  napi_get_cb_info(env, info, &count, args, &self, nullptr);
  if (napi_get_new_target(env, info, &target) != napi_ok || target == nullptr) return Throw(env, "FuseChannel: new is wanted");
  if (count < 4) return Throw(env, "FuseChannel: four arguments are wanted");
  if (!GetU32(env, args[0], &device) || !GetU32(env, args[1], &slot_count) ||
      !GetFunction(env, args[2], &args[2]) || !GetFunction(env, args[3], &args[3]))
    return nullptr;
  if (slot_count == 0 || slot_count > 1024) return Throw(env, "FuseChannel: slot count out of range");
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return Throw(env, "FuseChannel: no event loop");
  Channel *channel = new Channel();
  channel->env = env;
  channel->slots = AddArea(env, self, "slots", kSlot * slot_count);
  channel->reply = AddArea(env, self, "replyArea", kReplyArea);
  if (channel->slots == nullptr || channel->reply == nullptr) {
    delete channel;
    return Throw(env, "FuseChannel: out of memory");
  }
  for (uint32_t i = slot_count; i > 0; i--) channel->free_slots.push_back(i - 1);
  channel->taken.resize(slot_count, false);
  channel->poll.data = channel;
  if (uv_poll_init(loop, &channel->poll, static_cast<int>(device)) != 0) {
    delete channel;
    return Throw(env, "FuseChannel: the device cannot be polled");
  }
  channel->device = static_cast<int>(device);
  channel->polled = true;
  napi_create_string_utf8(env, "holdfast:FuseChannel", NAPI_AUTO_LENGTH, &label);
  napi_async_init(env, self, label, &channel->context);
  napi_create_reference(env, args[2], 1, &channel->on_request);
  napi_create_reference(env, args[3], 1, &channel->on_end);
  napi_wrap(env, self, channel, Finalize, nullptr, nullptr);
  napi_create_reference(env, self, 1, &channel->self);
  napi_add_async_cleanup_hook(env, OnTeardown, channel, &channel->cleanup);
  uv_poll_start(&channel->poll, UV_READABLE, OnPoll);
  return self;
}

void AddNumber(napi_env env, napi_value object, const char *name, size_t number) {
  napi_value value;
  napi_create_uint32(env, static_cast<uint32_t>(number), &value);
  napi_set_named_property(env, object, name, value);
}

}  // namespace

void RegisterChannel(napi_env env, napi_value exports) {
  napi_property_descriptor methods[] = {
      {"reply", nullptr, Reply, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"release", nullptr, Release, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"notify", nullptr, Notify, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"close", nullptr, CloseMethod, nullptr, nullptr, nullptr, napi_default_method, nullptr},
  };
  napi_value channel, layout;
  napi_define_class(env, "FuseChannel", NAPI_AUTO_LENGTH, Construct, nullptr, sizeof(methods) / sizeof(methods[0]),
                    methods, &channel);
  napi_set_named_property(env, exports, "FuseChannel", channel);
  napi_create_object(env, &layout);
  AddNumber(env, layout, "slotBytes", kSlot);
  AddNumber(env, layout, "requestOffset", kPage - kLead);
  AddNumber(env, layout, "payloadBytesMax", kPayload);
  napi_set_named_property(env, exports, "fuseLayout", layout);
}
