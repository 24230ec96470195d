#include "addon.h"

void RegisterIo(napi_env, napi_value) {}
