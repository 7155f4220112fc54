#include "core/runtime/offload.h"

#include <algorithm>
#include <cassert>
#include <exception>
#include <stdexcept>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/runtime/runtime.h"
#include "core/telemetry/metrics.h"

namespace babilu {

namespace asio = boost::asio;

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// When a thread of the pool, which may not ask the Runtime's clock, gives a job up.
SteadyTime give_up_time(const Runtime& runtime, Deadline deadline) {
  if (deadline == no_deadline) return SteadyTime::max();
  return std::chrono::steady_clock::now() + (deadline - runtime.now());
}

}  // namespace

void throw_exception_from_error(NotRun why, const boost::source_location&) {
  switch (why) {
    case NotRun::refused:
      throw std::runtime_error("a job was refused");
    case NotRun::late:
      throw std::runtime_error("a job was late");
    case NotRun::given_up:
      break;
  }
  throw std::runtime_error("a job was given up");
}

/// Lives in the frame of execute(), which stays suspended until the handler has been called. It is
/// the Runtime's, but for the time from when a thread takes it out of the queue until that posts.
struct OffloadPool::Job : Link {
  using Handler = asio::any_completion_handler<void(error_code)>;

  Job(OffloadPool& its_pool, Runtime& its_runtime, std::function<void()> its_work,
      const JobOptions& options)
      : pool(its_pool),
        runtime(its_runtime),
        work(std::move(its_work)),
        share_name(options.share),
        ticket(options.ticket),
        give_up(give_up_time(its_runtime, options.deadline)),
        alarm(its_runtime.clock(), [](void* self) { static_cast<Job*>(self)->on_late(); }, this) {
    if (ticket == nullptr) return;
    assert(ticket->job_ == nullptr);
    ticket->job_ = this;
  }
  ~Job() {
    if (ticket != nullptr) ticket->job_ = nullptr;
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  void start(Handler on_done, Deadline deadline) {
    handler = std::move(on_done);
    if (!pool.enqueue(*this)) {
      not_run = pool.refuse();
      complete({});
      return;
    }
    alarm.set(deadline);
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) slot.assign([this](asio::cancellation_type) { on_cancelled(); });
  }

  void on_late() {
    if (!pool.take_back(*this)) return;
    pool.figures_.late.add();
    not_run = NotRun::late;
    complete({});
  }
  void on_given_up() {
    if (!pool.take_back(*this)) return;
    pool.figures_.cancelled.add();
    not_run = NotRun::given_up;
    complete({});
  }
  void on_cancelled() {
    if (!pool.take_back(*this)) return;
    pool.figures_.cancelled.add();
    complete(asio::error::operation_aborted);
  }

  void complete(error_code why) {
    assert(handler && !is_linked());
    alarm.cancel();
    asio::post(runtime.executor(), asio::append(std::move(handler), why));
  }

  OffloadPool& pool;
  Runtime& runtime;
  std::function<void()> work;
  const std::string share_name;
  Shares::iterator share;  ///< while it waits
  Ticket* const ticket;
  const SteadyTime give_up;
  std::optional<NotRun> not_run;
  std::exception_ptr thrown;
  Handler handler;
  Alarm alarm;
};

OffloadPool::Figures::Figures(telemetry::Metrics& metrics, const std::string& pool)
    : waiting(metrics.gauge("babilu_offload_waiting", "Jobs that wait for a thread of a pool.",
                            {{"pool", pool}})),
      refused(metrics.counter("babilu_offload_refused_total",
                              "Jobs refused: the queue was full, or longer than their deadline, or "
                              "they gave way to somebody who had less of it.",
                              {{"pool", pool}})),
      late(metrics.counter("babilu_offload_dropped_total",
                           "Jobs that were given up while they waited.",
                           {{"pool", pool}, {"reason", "late"}})),
      cancelled(metrics.counter("babilu_offload_dropped_total",
                                "Jobs that were given up while they waited.",
                                {{"pool", pool}, {"reason", "cancelled"}})) {}

OffloadPool::OffloadPool(Options options, telemetry::Metrics& metrics)
    : options_(std::move(options)), figures_(metrics, options_.name) {
  assert(options_.threads > 0);
  threads_.reserve(options_.threads);
  for (unsigned i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
}

OffloadPool::~OffloadPool() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  assert(shares_.empty());
}

void OffloadPool::Ticket::give_up() {
  if (job_ != nullptr) job_->on_given_up();
}

Clock::duration OffloadPool::expected_wait(std::string_view share) const {
  std::unique_lock lock(mutex_);
  const auto ahead = static_cast<std::int64_t>(jobs_before(share));
  lock.unlock();
  const auto threads = static_cast<std::int64_t>(options_.threads);
  return Clock::duration(recent_cost_ns_.load(std::memory_order_relaxed) * ahead / threads);
}

bool OffloadPool::would_outlast(Runtime& runtime, const JobOptions& options) const {
  return options.deadline != no_deadline &&
         runtime.now() + expected_wait(options.share) > options.deadline;
}

/// Each of the others has its turn before each of this one's jobs, and before the new one.
std::size_t OffloadPool::jobs_before(std::string_view share) const {
  const auto own = shares_.find(share);
  const std::size_t own_jobs = own == shares_.end() ? 0 : own->second.jobs.size();
  std::size_t before = 0;
  for (const auto& [name, other] : shares_) before += std::min(other.jobs.size(), own_jobs + 1);
  return before;
}

NotRun OffloadPool::refuse() {
  refused_.fetch_add(1, std::memory_order_relaxed);
  figures_.refused.add();
  return NotRun::refused;
}

bool OffloadPool::enqueue(Job& job) {
  Job* gives_way = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (closing_) return false;
    if (waiting() >= options_.queue) {
      gives_way = who_gives_way_to(job);
      if (gives_way == nullptr) return false;
      unlink(*gives_way);
    }
    link(job);
  }
  if (gives_way != nullptr) {
    gives_way->not_run = refuse();
    gives_way->runtime.post([gives_way] { gives_way->complete({}); });
  }
  wake_.notify_one();
  return true;
}

/// Null when nobody has more than the newcomer would have.
OffloadPool::Job* OffloadPool::who_gives_way_to(const Job& job) {
  const auto own = shares_.find(job.share_name);
  const std::size_t own_jobs = own == shares_.end() ? 0 : own->second.jobs.size();
  Share* most = nullptr;
  for (Share& share : turns_) {
    if (most == nullptr || share.jobs.size() > most->jobs.size()) most = &share;
  }
  if (most == nullptr || most->jobs.size() <= own_jobs + 1) return nullptr;
  return static_cast<Job*>(&most->jobs.back());
}

void OffloadPool::link(Job& job) {
  const auto [share, is_new] = shares_.try_emplace(job.share_name);
  if (is_new) turns_.push_back(share->second);
  share->second.jobs.push_back(job);
  job.share = share;
  waiting_.fetch_add(1, std::memory_order_relaxed);
  figures_.waiting.add();
}

void OffloadPool::unlink(Job& job) {
  Share& share = job.share->second;
  share.jobs.erase(share.jobs.iterator_to(job));
  if (share.jobs.empty()) {
    turns_.erase(turns_.iterator_to(share));
    shares_.erase(job.share);
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  figures_.waiting.subtract();
}

/// False when a thread has it already, or it has ended.
bool OffloadPool::take_back(Job& job) {
  std::lock_guard lock(mutex_);
  if (!job.is_linked()) return false;
  unlink(job);
  return true;
}

/// Waits for a job; null when there is none and there will be none.
OffloadPool::Job* OffloadPool::next() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return closing_ || !turns_.empty(); });
  if (turns_.empty()) return nullptr;
  Share& share = turns_.front();
  turns_.splice(turns_.end(), turns_, turns_.iterator_to(share));
  Job& job = static_cast<Job&>(share.jobs.front());
  unlink(job);
  return &job;
}

void OffloadPool::work() {
  while (Job* job = next()) {
    // Its Runtime may be too busy to notice.
    if (std::chrono::steady_clock::now() < job->give_up) {
      run_job(*job);
    } else {
      figures_.late.add();
      job->not_run = NotRun::late;
    }
    job->runtime.post([job] { job->complete({}); });
  }
}

void OffloadPool::run_job(Job& job) {
  const auto begin = std::chrono::steady_clock::now();
  try {
    job.work();
  } catch (...) {
    job.thrown = std::current_exception();
  }
  const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - begin;
  const auto before = recent_cost_ns_.load(std::memory_order_relaxed);
  recent_cost_ns_.store(before == 0 ? spent.count() : (7 * before + spent.count()) / 8,
                        std::memory_order_relaxed);
}

task<std::optional<NotRun>> OffloadPool::execute(Runtime& runtime, std::function<void()> work,
                                                 const JobOptions& options) {
  const Deadline deadline = options.deadline;
  if (deadline != no_deadline && runtime.now() >= deadline) {
    figures_.late.add();
    co_return NotRun::late;
  }
  if (runtime.simulated()) {
    work();
    co_return std::nullopt;
  }
  if (would_outlast(runtime, options)) co_return refuse();

  Job job(*this, runtime, std::move(work), options);
  auto [why] =
      co_await asio::async_initiate<const asio::as_tuple_t<asio::use_awaitable_t<Executor>>,
                                    void(error_code)>(
          [](Job::Handler handler, Job* self, Deadline until) {
            self->start(std::move(handler), until);
          },
          asio::as_tuple(asio::use_awaitable_t<Executor>{}), &job, deadline);
  if (why) throw boost::system::system_error(why);
  if (job.thrown) std::rethrow_exception(job.thrown);
  co_return job.not_run;
}

}  // namespace babilu
