// What the addon keeps for each JavaScript environment (the main thread and each worker has one), and how its
// functions see their arguments. Everything here belongs to the environment's own thread.
#pragma once
#include <node_api.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "../base.h"
#include "../program/program.h"
#include "../runtime/memory.h"

namespace flambeau {

class AsyncQueue;
struct Environment;

constexpr size_t kSlots = 4096;

/** Ties a block to a JavaScript object; empty once the block was given back by hand. */
struct Owner {
  Environment* environment;
  Block* block;
  Owner* next;
};

struct Environment {
  double* counters = nullptr;  // null once the environment is closing
  double* slots = nullptr;
  std::vector<std::shared_ptr<Program>> programs;  // by number; null where deleted
  std::vector<uint32_t> freeNumbers;
  std::shared_ptr<AsyncQueue> queue;  // from the first asynchronous run on
  /** Where memory given to `share` starts, and how many ArrayBuffers lie over it from there. */
  std::unordered_map<void*, int> shared;
  Owner* freeOwners = nullptr;
  /** Finalizers to come: the last of them deletes a closed environment. */
  size_t dependents = 0;
  bool isClosed = false;

  ~Environment();
  Owner* takeOwner(Block* block);
  void returnOwner(Owner* owner);
  void updateCounters();
  void removeDependent();
  /** Until no asynchronous run is under way. */
  void waitForQueue();
};

/** One call from JavaScript. Getters throw Error, with `what` ("function: argument") in its message. */
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info);
  napi_env env;
  Environment* environment = nullptr;
  napi_value operator[](int position) const { return values[position]; }
  double number(int position, const char* what) const;
  /** A whole number that fits `size_t`: sizes, offsets and addresses. */
  size_t size(int position, const char* what) const;
  struct Bytes {
    uint8_t* data;
    size_t length;
  };
  Bytes bytes(int position, const char* what) const;
  Bytes arrayBuffer(int position, const char* what) const;

 private:
  static constexpr size_t kMost = 3;
  napi_value values[kMost];
};

/** Throws Error unless the call went well. */
void check(napi_status status, const char* what);
napi_value makeNumber(napi_env env, double value);

using Function = napi_value (*)(Arguments&);

/** The function as JavaScript calls it: no C++ exception passes. */
template <Function kFunction>
napi_value entry(napi_env env, napi_callback_info info) {
  try {
    Arguments arguments(env, info);
    return kFunction(arguments);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
}

// buffers.cpp
napi_value allocate(Arguments&);
napi_value giveBack(Arguments&);
napi_value write(Arguments&);
napi_value read(Arguments&);
napi_value share(Arguments&);
napi_value adopt(Arguments&);
napi_value limitMemory(Arguments&);
napi_value trim(Arguments&);
// programs.cpp
napi_value createProgram(Arguments&);
napi_value deleteProgram(Arguments&);
napi_value run(Arguments&);
napi_value runAsync(Arguments&);
napi_value setThreads(Arguments&);

}  // namespace flambeau
