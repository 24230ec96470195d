#include "addon.h"

void RegisterCompute(napi_env, napi_value) {}
