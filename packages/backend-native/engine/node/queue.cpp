// The thread of asynchronous runs. It speaks to the environment only under the lock and only while that is
// open, so a worker may end, or the process exit, at any moment.
#include "queue.h"

#include <thread>

#include "../runtime/system.h"

namespace flambeau {

Job::~Job() {
  for (Block* block : blocks) releaseBlock(block);
}

void Job::run() {
  try {
    result = encode(program->run(slots.data()));
  } catch (const std::exception& thrown) {
    error = thrown.what();
  }
  for (Block* block : blocks) releaseBlock(block);
  blocks.clear();
}

std::shared_ptr<AsyncQueue> AsyncQueue::start(napi_env env, Environment* environment) {
  auto queue = std::make_shared<AsyncQueue>();
  queue->env = env;
  queue->environment = environment;
  {
    const WithoutSignals quiet;
    std::thread([queue] { loop(queue); }).detach();
  }
  try {
    queue->connect();
  } catch (...) {
    queue->end();
    throw;
  }
  environment->queue = queue;
  return queue;
}

void AsyncQueue::connect() {
  napi_value name;
  check(napi_create_string_utf8(env, "flambeau", NAPI_AUTO_LENGTH, &name), "a string");
  check(napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, deliver, &delivery),
        "a function for other threads");
  check(napi_unref_threadsafe_function(env, delivery), "to let the process end");
  // After the function, so that it runs before the function's own.
  check(napi_add_env_cleanup_hook(env, close, this), "a hook");
}

napi_value AsyncQueue::push(std::unique_ptr<Job> job) {
  napi_value promise;
  check(napi_create_promise(env, &job->deferred, &promise), "a promise");
  if (undelivered++ == 0) napi_ref_threadsafe_function(env, delivery);
  {
    std::lock_guard<std::mutex> lock(mutex);
    waiting.push_back(std::move(job));
    unfinished.fetch_add(1, std::memory_order_relaxed);
  }
  changed.notify_all();
  return promise;
}

void AsyncQueue::wait() {
  if (unfinished.load(std::memory_order_acquire) == 0) return;
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [this] { return unfinished.load(std::memory_order_relaxed) == 0; });
}

void AsyncQueue::loop(const std::shared_ptr<AsyncQueue>& queue) {
  std::unique_lock<std::mutex> lock(queue->mutex);
  for (;;) {
    queue->changed.wait(lock, [&] { return queue->isClosed || !queue->waiting.empty(); });
    if (queue->isClosed) return;
    std::unique_ptr<Job> job = std::move(queue->waiting.front());
    queue->waiting.pop_front();
    lock.unlock();
    job->run();
    lock.lock();
    if (!queue->isClosed) {
      queue->finished.push_back(std::move(job));
      napi_call_threadsafe_function(queue->delivery, nullptr, napi_tsfn_nonblocking);
    }
    queue->unfinished.fetch_sub(1, std::memory_order_release);
    queue->changed.notify_all();
  }
}

/** On the environment's thread, at least once after each job; without `env` when that is ending. */
void AsyncQueue::deliver(napi_env env, napi_value, void* context, void*) {
  if (!env) return;
  AsyncQueue& queue = *static_cast<AsyncQueue*>(context);
  std::vector<std::unique_ptr<Job>> jobs;
  {
    std::lock_guard<std::mutex> lock(queue.mutex);
    jobs.swap(queue.finished);
  }
  queue.environment->updateCounters();
  for (const auto& job : jobs) {
    napi_value value = nullptr;
    if (job->error.empty()) {
      napi_create_int32(env, job->result, &value);
      napi_resolve_deferred(env, job->deferred, value);
    } else {
      napi_value message = nullptr;
      napi_create_string_utf8(env, job->error.c_str(), job->error.size(), &message);
      napi_create_error(env, nullptr, message, &value);
      napi_reject_deferred(env, job->deferred, value);
    }
  }
  queue.undelivered -= jobs.size();
  if (!jobs.empty() && queue.undelivered == 0) napi_unref_threadsafe_function(env, queue.delivery);
}

/** The environment ends: the run under way goes on alone, later ones are dropped. */
void AsyncQueue::close(void* queue) { static_cast<AsyncQueue*>(queue)->end(); }

void AsyncQueue::end() {
  std::deque<std::unique_ptr<Job>> dropped;
  {
    std::lock_guard<std::mutex> lock(mutex);
    isClosed = true;
    dropped.swap(waiting);
    if (delivery) napi_release_threadsafe_function(delivery, napi_tsfn_abort);
  }
  changed.notify_all();
}

}  // namespace flambeau
