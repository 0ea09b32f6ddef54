// Asynchronous runs of one environment, in order, on a thread of their own.
#pragma once
#include <node_api.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "environment.h"

namespace flambeau {

/** A run's outcome as JavaScript gets it. */
inline int32_t encode(const RunResult& outcome) { return static_cast<int32_t>(outcome.status) + 8 * outcome.position; }

/** A run that owns all it needs: nothing of the environment, which may end before it. */
struct Job {
  std::shared_ptr<const Program> program;
  std::vector<double> slots;
  std::vector<Block*> blocks;
  napi_deferred deferred = nullptr;
  int32_t result = 0;
  std::string error;

  ~Job();
  void run();
};

class AsyncQueue {
 public:
  /** Starts the thread. It ends, after the run it is at, when the environment closes. */
  static std::shared_ptr<AsyncQueue> start(napi_env env, Environment* environment);
  /** Gives the promise of the job's result. */
  napi_value push(std::unique_ptr<Job> job);
  /** Until all jobs so far have run. */
  void wait();

 private:
  static void loop(const std::shared_ptr<AsyncQueue>& queue);
  static void deliver(napi_env env, napi_value function, void* context, void* data);
  static void close(void* queue);
  void connect();
  void end();

  napi_env env = nullptr;
  Environment* environment = nullptr;
  napi_threadsafe_function delivery = nullptr;
  size_t undelivered = 0;  // promises not settled yet; the environment's thread only
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::unique_ptr<Job>> waiting;
  std::vector<std::unique_ptr<Job>> finished;
  std::atomic<size_t> unfinished{0};
  bool isClosed = false;
};

}  // namespace flambeau
