#include "addon.h"

void RegisterChannel(napi_env, napi_value) {}
