// The parts of the addon, each registering its own functions on the exports object.
#pragma once
#include <node_api.h>

void RegisterChannel(napi_env env, napi_value exports);
void RegisterMount(napi_env env, napi_value exports);
void RegisterIo(napi_env env, napi_value exports);
void RegisterCompute(napi_env env, napi_value exports);
