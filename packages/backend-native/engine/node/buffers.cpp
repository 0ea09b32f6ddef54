// Buffers as JavaScript sees them: allocation tied to an object, copies in and out, sharing.
#include <cstring>
#include <string>

#include "environment.h"

namespace flambeau {

namespace {

/** Runs inside the garbage collection: touches nothing of JavaScript. */
void finalizeOwner(napi_env, void* data, void*) {
  Owner* owner = static_cast<Owner*>(data);
  Environment* environment = owner->environment;
  if (owner->block) {
    releaseBlock(owner->block);
    environment->updateCounters();
  }
  environment->returnOwner(owner);
}

struct Share {
  Environment* environment;
  Block* block;
};

void finalizeShare(napi_env, void* memory, void* hint) {
  Share* share = static_cast<Share*>(hint);
  Environment* environment = share->environment;
  const auto known = environment->shared.find(memory);
  if (memory == share->block->data() && known != environment->shared.end() && --known->second == 0) {
    environment->shared.erase(known);
  }
  releaseBlock(share->block);
  delete share;
  environment->updateCounters();
  environment->removeDependent();
}

char* pointer(size_t address) { return reinterpret_cast<char*>(static_cast<uintptr_t>(address)); }

}  // namespace

napi_value allocate(Arguments& arguments) {
  const size_t bytes = arguments.size(1, "allocate: bytes");
  Environment& environment = *arguments.environment;
  Block* block = allocateBlock(bytes);
  if (!block) return makeNumber(arguments.env, 0);
  Owner* owner = environment.takeOwner(block);
  block->owner = owner;
  // Without a reference, and not napi_wrap: both cost more, and nobody looks the block up from the object.
  if (napi_add_finalizer(arguments.env, arguments[0], owner, finalizeOwner, nullptr, nullptr) != napi_ok) {
    releaseBlock(block);
    environment.returnOwner(owner);
    throw Error("allocate: buffer must be an object.");
  }
  environment.updateCounters();
  return makeNumber(arguments.env, static_cast<double>(reinterpret_cast<uintptr_t>(block->data())));
}

napi_value giveBack(Arguments& arguments) {
  const size_t address = arguments.size(0, "free: address");
  Block* block = blockAt(address);
  if (!block || !block->owner) {
    throw Error("free: " + std::to_string(address) + " is not the address of a buffer, or was given back before.");
  }
  static_cast<Owner*>(block->owner)->block = nullptr;
  block->owner = nullptr;
  releaseBlock(block);
  arguments.environment->updateCounters();
  return nullptr;
}

napi_value write(Arguments& arguments) {
  const size_t address = arguments.size(0, "write: address");
  const Arguments::Bytes from = arguments.bytes(1, "write: bytes");
  if (from.length == 0) return nullptr;
  if (address == 0) throw Error("write: the buffer was given back.");
  arguments.environment->waitForQueue();
  std::memcpy(pointer(address), from.data, from.length);
  return nullptr;
}

napi_value read(Arguments& arguments) {
  const size_t address = arguments.size(0, "read: address");
  const Arguments::Bytes into = arguments.bytes(1, "read: into");
  if (into.length == 0) return nullptr;
  if (address == 0) throw Error("read: the buffer was given back.");
  arguments.environment->waitForQueue();
  std::memcpy(into.data, pointer(address), into.length);
  return nullptr;
}

napi_value share(Arguments& arguments) {
  const size_t address = arguments.size(0, "share: address");
  const size_t offset = arguments.size(1, "share: byteOffset"), length = arguments.size(2, "share: byteLength");
  Environment& environment = *arguments.environment;
  Block* block = blockAt(address);
  if (!block) throw Error("share: " + std::to_string(address) + " is not the address of a buffer.");
  if (offset > block->capacity || length > block->capacity - offset) {
    throw Error("share: bytes " + std::to_string(offset) + " to " + std::to_string(offset + length) +
                " do not lie in a buffer of " + std::to_string(block->capacity) + ".");
  }
  char* memory = block->data() + offset;
  auto* given = new Share{&environment, block};
  if (offset == 0) environment.shared[memory]++;
  retainBlock(block);
  environment.dependents++;
  napi_value result;
  const napi_status status =
      napi_create_external_arraybuffer(arguments.env, memory, length, finalizeShare, given, &result);
  if (status == napi_no_external_buffers_allowed) {
    finalizeShare(arguments.env, memory, given);
    throw Error("share: this runtime allows no ArrayBuffers over memory of others.");
  }
  check(status, "an ArrayBuffer over memory of the engine");
  return result;
}

napi_value adopt(Arguments& arguments) {
  const Arguments::Bytes memory = arguments.arrayBuffer(0, "adopt: memory");
  const bool isOurs = memory.data && arguments.environment->shared.count(memory.data) > 0;
  return makeNumber(arguments.env, isOurs ? static_cast<double>(reinterpret_cast<uintptr_t>(memory.data)) : 0);
}

napi_value limitMemory(Arguments& arguments) {
  const size_t bytes = arguments.size(0, "setMemoryLimit: bytes");
  if (bytes == 0) throw Error("setMemoryLimit: bytes must be more than 0.");
  setMemoryLimit(bytes);
  arguments.environment->updateCounters();
  return nullptr;
}

napi_value trim(Arguments& arguments) {
  trimMemory();
  arguments.environment->updateCounters();
  return nullptr;
}

}  // namespace flambeau
