// Entry point: registers the parts and nothing else.
#include "addon.h"

static napi_value Init(napi_env env, napi_value exports) {
  RegisterChannel(env, exports);
  RegisterMount(env, exports);
  RegisterIo(env, exports);
  RegisterCompute(env, exports);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, Init)
