// Reading JavaScript arguments. Every getter checks the type, throws a TypeError and gives false when it is wrong.
#pragma once
#include <node_api.h>
#include <stddef.h>
#include <stdint.h>
#include <vector>

// Memory of a Buffer or Uint8Array. Valid while the JavaScript value is held.
struct Bytes {
  uint8_t *at;
  size_t length;
};

inline napi_value Throw(napi_env env, const char *message) {
  napi_throw_error(env, nullptr, message);
  return nullptr;
}

inline bool WrongType(napi_env env, const char *message) {
  napi_throw_type_error(env, nullptr, message);
  return false;
}

// Exactly `count` arguments must be given.
inline bool Arguments(napi_env env, napi_callback_info info, napi_value *values, size_t count) {
  size_t given = count;
  napi_get_cb_info(env, info, &given, values, nullptr, nullptr);
  return given >= count || WrongType(env, "too few arguments");
}

inline bool GetBytes(napi_env env, napi_value value, Bytes *out) {
  bool is = false;
  napi_is_buffer(env, value, &is); // true for every ArrayBufferView
  if (!is) return WrongType(env, "a Buffer is expected");
  void *data = nullptr;
  napi_get_buffer_info(env, value, &data, &out->length);
  out->at = static_cast<uint8_t *>(data);
  return true;
}

inline bool GetDouble(napi_env env, napi_value value, double *out) {
  return napi_get_value_double(env, value, out) == napi_ok || WrongType(env, "a number is expected");
}

inline bool GetU32(napi_env env, napi_value value, uint32_t *out) {
  double number;
  if (!GetDouble(env, value, &number)) return false;
  if (!(number >= 0 && number <= 4294967295.0)) return WrongType(env, "an unsigned 32-bit number is expected");
  *out = static_cast<uint32_t>(number);
  return true;
}

// Offsets and sizes: whole numbers below 2^53.
inline bool GetSize(napi_env env, napi_value value, uint64_t *out) {
  double number;
  if (!GetDouble(env, value, &number)) return false;
  if (!(number >= 0 && number <= 9007199254740991.0)) return WrongType(env, "an offset or size is expected");
  *out = static_cast<uint64_t>(number);
  return true;
}

inline bool GetFunction(napi_env env, napi_value value, napi_value *out) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  if (type != napi_function) return WrongType(env, "a function is expected");
  *out = value;
  return true;
}

// The elements of an array, at most `most`. A getter among them runs JavaScript, which may close, stop or detach anything: lists are
// collected first, and only then is memory looked at or a thing found by its number.
inline bool GetElements(napi_env env, napi_value array, uint32_t most, std::vector<napi_value> *out) {
  uint32_t count;
  if (napi_get_array_length(env, array, &count) != napi_ok) return WrongType(env, "an array is expected");
  if (count > most) return WrongType(env, "the array is too long");
  out->resize(count);
  for (uint32_t i = 0; i < count; i++)
    if (napi_get_element(env, array, i, &(*out)[i]) != napi_ok) return false; // what the getter threw is pending
  return true;
}

inline bool GetAllBytes(napi_env env, const std::vector<napi_value> &values, std::vector<Bytes> *out) {
  out->resize(values.size());
  for (size_t i = 0; i < values.size(); i++)
    if (!GetBytes(env, values[i], &(*out)[i])) return false;
  return true;
}

// An array of our own with the same elements: the caller's may change.
inline napi_value ArrayOf(napi_env env, const std::vector<napi_value> &values) {
  napi_value array;
  napi_create_array(env, &array);
  for (size_t i = 0; i < values.size(); i++) napi_set_element(env, array, static_cast<uint32_t>(i), values[i]);
  return array;
}

// `data` is what the callback gets from napi_get_cb_info.
inline void AddFunction(napi_env env, napi_value exports, const char *name, napi_callback callback,
                        void *data = nullptr) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function);
  napi_set_named_property(env, exports, name, function);
}
