// Programs as JavaScript sees them: numbers of this environment.
#include <string>

#include "../runtime/threads.h"
#include "environment.h"
#include "queue.h"

namespace flambeau {

namespace {

const std::shared_ptr<Program>& programAt(const Arguments& arguments, const char* what) {
  const auto& programs = arguments.environment->programs;
  uint32_t number;
  if (napi_get_value_uint32(arguments.env, arguments[0], &number) != napi_ok || number >= programs.size() ||
      !programs[number]) {
    throw Error(std::string(what) + ": there is no such program.");
  }
  return programs[number];
}

/** Keeps what the slots name; where a slot names no block, the job gives back what it has. */
void retainOperands(Job& job, size_t operands) {
  job.blocks.reserve(operands);
  for (size_t i = 0; i < operands; i++) {
    const double address = job.slots[2 * i];
    if (address == 0) continue;
    const bool isAddress = address >= 64 && address <= 9007199254740991.0;
    Block* block = isAddress ? blockAt(static_cast<uintptr_t>(address)) : nullptr;
    if (!block) throw Error("runAsync: operand " + std::to_string(i) + " is not a buffer, or was given back.");
    retainBlock(block);
    job.blocks.push_back(block);
  }
}

}  // namespace

napi_value createProgram(Arguments& arguments) {
  const Arguments::Bytes bytes = arguments.bytes(0, "createProgram: bytes");
  Environment& environment = *arguments.environment;
  std::shared_ptr<Program> program = Program::decode(bytes.data, bytes.length);
  if (program->slotCount() > kSlots) {
    throw Error("createProgram: a program may have " + std::to_string(kSlots) + " slots, this one needs " +
                std::to_string(program->slotCount()) + ".");
  }
  size_t number = environment.programs.size();
  if (environment.freeNumbers.empty()) {
    environment.programs.push_back(std::move(program));
  } else {
    number = environment.freeNumbers.back();
    environment.freeNumbers.pop_back();
    environment.programs[number] = std::move(program);
  }
  return makeNumber(arguments.env, static_cast<double>(number));
}

napi_value deleteProgram(Arguments& arguments) {
  const auto& program = programAt(arguments, "deleteProgram");
  Environment& environment = *arguments.environment;
  const size_t number = static_cast<size_t>(&program - environment.programs.data());
  environment.programs[number] = nullptr;
  environment.freeNumbers.push_back(static_cast<uint32_t>(number));
  return nullptr;
}

napi_value run(Arguments& arguments) {
  const Program& program = *programAt(arguments, "run");
  arguments.environment->waitForQueue();
  const RunResult outcome = program.run(arguments.environment->slots);
  napi_value result;
  check(napi_create_int32(arguments.env, encode(outcome), &result), "a number");
  return result;
}

napi_value runAsync(Arguments& arguments) {
  Environment& environment = *arguments.environment;
  auto job = std::make_unique<Job>();
  job->program = programAt(arguments, "runAsync");
  job->slots.assign(environment.slots, environment.slots + job->program->slotCount());
  retainOperands(*job, job->program->operandCount());
  if (!environment.queue) AsyncQueue::start(arguments.env, &environment);
  return environment.queue->push(std::move(job));
}

napi_value setThreads(Arguments& arguments) {
  const size_t count = arguments.size(0, "setThreads: count");
  if (count < 1 || count > 1024) throw Error("setThreads: count must be from 1 to 1024.");
  setThreadCount(static_cast<int>(count));
  return nullptr;
}

}  // namespace flambeau
