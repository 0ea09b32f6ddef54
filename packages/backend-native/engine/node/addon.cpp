// The addon: what `require` of it gives. Its meaning stands in src/engine.ts.
#include <string>

#include "../program/kernel.h"
#include "../runtime/cpu.h"
#include "../runtime/threads.h"
#include "environment.h"

namespace flambeau {

namespace {

void setProperty(napi_env env, napi_value object, const char* name, napi_value value) {
  check(napi_set_named_property(env, object, name, value), name);
}

void setFunction(napi_env env, napi_value exports, const char* name, napi_callback function, void* data) {
  napi_value value;
  check(napi_create_function(env, name, NAPI_AUTO_LENGTH, function, data, &value), name);
  setProperty(env, exports, name, value);
}

napi_value makeString(napi_env env, const char* text) {
  napi_value value;
  check(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value), "a string");
  return value;
}

/** A Float64Array that JavaScript and the engine both see; it lives as long as the environment. */
double* setNumbers(napi_env env, napi_value exports, const char* name, size_t count) {
  void* data = nullptr;
  napi_value memory, numbers;
  napi_ref kept;
  check(napi_create_arraybuffer(env, count * sizeof(double), &data, &memory), name);
  check(napi_create_typedarray(env, napi_float64_array, count, memory, 0, &numbers), name);
  check(napi_create_reference(env, memory, 1, &kept), name);
  setProperty(env, exports, name, numbers);
  return static_cast<double*>(data);
}

napi_value makeRoutines(napi_env env) {
  napi_value names;
  check(napi_create_array(env, &names), "an array");
  for (uint32_t i = 0; routineNames[i]; i++) {
    check(napi_set_element(env, names, i, makeString(env, routineNames[i])), "an array");
  }
  return names;
}

/** Hooks run before the last finalizers, which must not write into memory of a dying environment. */
void stopCounting(void* data) { static_cast<Environment*>(data)->counters = nullptr; }

void closeEnvironment(napi_env, void* data, void*) {
  Environment* environment = static_cast<Environment*>(data);
  environment->isClosed = true;
  environment->counters = nullptr;
  environment->programs.clear();
  if (environment->dependents == 0) delete environment;
}

void initialize(napi_env env, napi_value exports) {
  selectIsa();
  threadCount();
  auto* environment = new Environment;
  check(napi_set_instance_data(env, environment, closeEnvironment, nullptr), "data");
  check(napi_add_env_cleanup_hook(env, stopCounting, environment), "a hook");
  environment->counters = setNumbers(env, exports, "counters", 4);
  environment->slots = setNumbers(env, exports, "slots", kSlots);
  environment->updateCounters();
  setProperty(env, exports, "routines", makeRoutines(env));
  setProperty(env, exports, "isa", makeString(env, isaName(activeIsa())));
  napi_value tiles;
  check(napi_get_boolean(env, hasAmx(), &tiles), "a boolean");
  setProperty(env, exports, "hasAmx", tiles);
  const auto add = [&](const char* name, napi_callback function) {
    setFunction(env, exports, name, function, environment);
  };
  add("allocate", entry<allocate>);
  add("free", entry<giveBack>);
  add("write", entry<write>);
  add("read", entry<read>);
  add("share", entry<share>);
  add("adopt", entry<adopt>);
  add("createProgram", entry<createProgram>);
  add("deleteProgram", entry<deleteProgram>);
  add("run", entry<run>);
  add("runAsync", entry<runAsync>);
  add("setThreads", entry<setThreads>);
  add("setMemoryLimit", entry<limitMemory>);
  add("trimMemory", entry<trim>);
}

}  // namespace

}  // namespace flambeau

extern "C" {

/**
 * Only addons that ask for the experimental version get their finalizers called inside the collection. Others
 * get them from the event loop: a synchronous loop would never see memory come back. Nothing else of that
 * version is used.
 */
NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1(void) { return NAPI_VERSION_EXPERIMENTAL; }

NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  try {
    flambeau::initialize(env, exports);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return exports;
}
}
