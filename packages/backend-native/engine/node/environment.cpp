// State of an environment and reading of arguments. What the functions do: buffers.cpp, programs.cpp.
#include "environment.h"

#include <string>

#include "queue.h"

namespace flambeau {

Environment::~Environment() {
  while (freeOwners) {
    Owner* next = freeOwners->next;
    delete freeOwners;
    freeOwners = next;
  }
}

Owner* Environment::takeOwner(Block* block) {
  Owner* owner = freeOwners;
  if (owner) freeOwners = owner->next;
  else owner = new Owner;
  *owner = {this, block, nullptr};
  dependents++;
  return owner;
}

void Environment::returnOwner(Owner* owner) {
  owner->next = freeOwners;
  freeOwners = owner;
  removeDependent();
}

void Environment::removeDependent() {
  if (--dependents == 0 && isClosed) delete this;
}

void Environment::updateCounters() {
  if (!counters) return;
  const MemoryUse use = memoryUse();
  counters[0] = static_cast<double>(use.live);
  counters[1] = static_cast<double>(use.blocks);
  counters[2] = static_cast<double>(use.cached);
  counters[3] = static_cast<double>(use.limit);
}

void Environment::waitForQueue() {
  if (queue) queue->wait();
}

Arguments::Arguments(napi_env env, napi_callback_info info) : env(env) {
  size_t count = kMost;
  void* data = nullptr;
  check(napi_get_cb_info(env, info, &count, values, nullptr, &data), "arguments");
  environment = static_cast<Environment*>(data);
}

double Arguments::number(int position, const char* what) const {
  double value;
  if (napi_get_value_double(env, values[position], &value) != napi_ok) {
    throw Error(std::string(what) + " must be a number.");
  }
  return value;
}

size_t Arguments::size(int position, const char* what) const {
  const double value = number(position, what);
  const size_t whole = value >= 0 && value <= 9007199254740991.0 ? static_cast<size_t>(value) : 0;
  if (static_cast<double>(whole) != value) {
    throw Error(std::string(what) + " must be a whole number of at least 0, not " + std::to_string(value) + ".");
  }
  return whole;
}

Arguments::Bytes Arguments::bytes(int position, const char* what) const {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, values[position], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    throw Error(std::string(what) + " must be a Uint8Array.");
  }
  return {static_cast<uint8_t*>(data), length};
}

Arguments::Bytes Arguments::arrayBuffer(int position, const char* what) const {
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_arraybuffer_info(env, values[position], &data, &length) != napi_ok) {
    throw Error(std::string(what) + " must be an ArrayBuffer.");
  }
  return {static_cast<uint8_t*>(data), length};
}

void check(napi_status status, const char* what) {
  if (status != napi_ok) {
    throw Error(std::string("The JavaScript engine refused ") + what + " (status " + std::to_string(status) + ").");
  }
}

napi_value makeNumber(napi_env env, double value) {
  napi_value result;
  check(napi_create_double(env, value, &result), "a number");
  return result;
}

}  // namespace flambeau
