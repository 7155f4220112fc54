#include "core/net/memory.h"

#include <algorithm>
#include <cassert>
#include <deque>

#include <boost/asio/error.hpp>

#include "core/runtime/condition.h"
#include "core/runtime/runtime.h"
#include "core/runtime/waiter.h"

namespace babilu::net {

namespace error = boost::asio::error;

namespace {

/// One direction. Its writer's end and its reader's end are both here.
class Pipe {
 public:
  Pipe(Runtime& runtime, const MemoryOptions& options)
      : read_ready(runtime),
        write_ready(runtime),
        runtime_(runtime),
        options_(options),
        arrival_(runtime.clock(), [](void* self) { static_cast<Pipe*>(self)->deliver(); }, this) {}

  void set_opposite(Pipe& opposite) { opposite_ = &opposite; }

  Transfer write(ByteView bytes) {
    if (write_closed_ || opposite_->end_ == End::reset) return {0, write_failure()};
    if (bytes.empty()) return {};
    const std::size_t room = options_.capacity - std::min(options_.capacity, unread());
    if (room == 0) return {0, error::would_block};
    const std::size_t taken = std::min(room, bytes.size());
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
    send({.due = due(), .bytes = taken, .end = End::open});
    return {taken, {}};
  }

  Transfer read(MutableByteView buffer) {
    if (buffer.empty()) return {};
    if (arrived_ == 0) return {0, read_failure()};
    std::size_t taken = std::min(arrived_, buffer.size());
    if (options_.max_segment != 0) taken = std::min(taken, options_.max_segment);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(read_), taken, buffer.begin());
    discard(taken);
    write_ready.notify_one();
    return {taken, {}};
  }

  bool can_read() const noexcept { return arrived_ != 0 || end_ != End::open; }
  bool can_write() const noexcept {
    return write_closed_ || opposite_->end_ == End::reset || unread() < options_.capacity;
  }
  bool has_unread_arrivals() const noexcept { return arrived_ != 0; }

  void close_writing(bool reset) {
    if (write_closed_) return;
    write_closed_ = true;
    send({.due = due(), .bytes = 0, .end = reset ? End::reset : End::eof});
  }

  void close_reading() {
    reader_gone_ = true;
    discard(arrived_);
  }

  void cut() {
    arrival_.cancel();
    in_flight_.clear();
    bytes_ = Bytes();
    read_ = arrived_ = 0;
    finish(End::reset);
  }

  void pause() {
    paused_ = true;
    arrival_.cancel();
  }
  void resume() {
    paused_ = false;
    if (!in_flight_.empty()) arrival_.set(in_flight_.front().due);
  }

  void tell_reader() {
    read_ready.notify_all();
    if (waiter != nullptr) waiter->tell_later();
  }

  Condition read_ready;
  Condition write_ready;
  Waiter* waiter = nullptr;  ///< for bytes, as with read_ready

 private:
  enum class End { open, eof, reset };
  struct Batch {
    Deadline due;
    std::size_t bytes;
    End end;
  };

  std::size_t unread() const noexcept { return bytes_.size() - read_; }

  Deadline due() {
    Clock::duration delay = options_.latency;
    if (options_.jitter) delay += options_.jitter();
    latest_due_ = std::max(latest_due_, runtime_.now() + delay);
    return latest_due_;
  }

  void send(Batch batch) {
    if (end_ == End::reset) return;  // the cable was cut
    in_flight_.push_back(batch);
    if (in_flight_.size() == 1 && !paused_) arrival_.set(batch.due);
  }

  void deliver() {
    while (!in_flight_.empty() && in_flight_.front().due <= runtime_.now()) {
      const Batch batch = in_flight_.front();
      in_flight_.pop_front();
      arrived_ += batch.bytes;
      if (reader_gone_ && batch.bytes != 0) {
        discard(arrived_);
        opposite_->refuse();
      }
      if (batch.end != End::open) finish(batch.end);
    }
    if (arrived_ != 0) tell_reader();
    if (!in_flight_.empty()) arrival_.set(in_flight_.front().due);
  }

  /// The reader is told to stop writing: bytes came for an end that has been closed.
  void refuse() { send({.due = due(), .bytes = 0, .end = End::reset}); }

  void finish(End end) {
    end_ = end;
    tell_reader();
    if (end == End::reset) {
      write_ready.notify_all();
      opposite_->write_ready.notify_all();
    }
  }

  void discard(std::size_t count) {
    assert(count <= arrived_ && arrived_ <= unread());
    arrived_ -= count;
    read_ += count;
    if (read_ == bytes_.size()) {
      bytes_ = Bytes();  // an idle pair holds no buffer
      read_ = 0;
    } else if (read_ > bytes_.size() / 2) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(read_));
      read_ = 0;
    }
  }

  error_code read_failure() const {
    if (end_ == End::open) return error::would_block;
    if (end_ == End::eof) return error::eof;
    return error::connection_reset;
  }
  error_code write_failure() const {
    if (opposite_->end_ == End::reset) return error::connection_reset;
    return error::broken_pipe;
  }

  Runtime& runtime_;
  const MemoryOptions& options_;
  Pipe* opposite_ = nullptr;
  Bytes bytes_;              // from read_: arrived, then in flight
  std::size_t read_ = 0;     // bytes at the front that have been read
  std::size_t arrived_ = 0;  // bytes that may be read
  std::deque<Batch> in_flight_;
  Deadline latest_due_{};
  Alarm arrival_;
  End end_ = End::open;
  bool write_closed_ = false;
  bool reader_gone_ = false;
  bool paused_ = false;
};

}  // namespace

struct MemoryCable::State {
  State(Runtime& runtime, MemoryOptions given)
      : options(std::move(given)), a_to_b(runtime, options), b_to_a(runtime, options) {
    a_to_b.set_opposite(b_to_a);
    b_to_a.set_opposite(a_to_b);
  }

  template <class Action>
  void each(Direction direction, Action action) {
    if (direction != Direction::b_to_a) action(a_to_b);
    if (direction != Direction::a_to_b) action(b_to_a);
  }

  MemoryOptions options;
  Pipe a_to_b;
  Pipe b_to_a;
};

MemoryCable::MemoryCable(Runtime& runtime, MemoryOptions options)
    : state_(std::make_unique<State>(runtime, std::move(options))) {}
MemoryCable::~MemoryCable() = default;

void MemoryCable::cut() {
  state_->each(Direction::both, [](Pipe& pipe) { pipe.cut(); });
}
void MemoryCable::pause(Direction direction) {
  state_->each(direction, [](Pipe& pipe) { pipe.pause(); });
}
void MemoryCable::resume(Direction direction) {
  state_->each(direction, [](Pipe& pipe) { pipe.resume(); });
}
void MemoryCable::set_latency(Clock::duration latency) {
  state_->options.latency = latency;
}

namespace {

/// One end's view of the cable. Shared with waits, so that an end may be destroyed under them.
struct EndState {
  std::shared_ptr<MemoryCable> cable;
  Pipe& in;
  Pipe& out;
  Address remote;
  bool closed = false;
};

task<error_code> wait_readable(std::shared_ptr<EndState> end, Deadline deadline) {
  while (!end->closed && !end->in.can_read()) {
    const bool notified = co_await end->in.read_ready.wait(deadline);
    if (!notified) co_return error_code(error::timed_out);
  }
  co_return end->closed ? error_code(error::operation_aborted) : error_code();
}

task<error_code> wait_writable(std::shared_ptr<EndState> end, Deadline deadline) {
  while (!end->closed && !end->out.can_write()) {
    const bool notified = co_await end->out.write_ready.wait(deadline);
    if (!notified) co_return error_code(error::timed_out);
  }
  co_return end->closed ? error_code(error::operation_aborted) : error_code();
}

class MemoryStream final : public Stream {
 public:
  explicit MemoryStream(EndState state) : state_(std::make_shared<EndState>(std::move(state))) {}
  ~MemoryStream() override { MemoryStream::close(); }

  Transfer read_some(MutableByteView buffer) override {
    if (state_->closed) return {0, error::bad_descriptor};
    return state_->in.read(buffer);
  }
  Transfer write_some(ByteView bytes) override {
    if (state_->closed) return {0, error::bad_descriptor};
    return state_->out.write(bytes);
  }
  task<error_code> readable(Deadline deadline) override { return wait_readable(state_, deadline); }
  bool when_readable(Waiter& waiter) override {
    if (state_->closed || state_->in.can_read()) return true;
    waiter.stand_at(state_->in.waiter);
    return false;
  }
  task<error_code> writable(Deadline deadline) override { return wait_writable(state_, deadline); }

  void shutdown() noexcept override { state_->out.close_writing(false); }
  void close() noexcept override {
    if (state_->closed) return;
    state_->closed = true;
    const bool reset = state_->in.has_unread_arrivals();
    state_->in.close_reading();
    state_->out.close_writing(reset);
    state_->in.tell_reader();
    state_->out.write_ready.notify_all();
  }
  const Address& remote() const noexcept override { return state_->remote; }

 private:
  std::shared_ptr<EndState> state_;
};

}  // namespace

MemoryPair make_memory_pair(Runtime& runtime, MemoryOptions options) {
  auto cable = std::make_shared<MemoryCable>(runtime, std::move(options));
  MemoryCable::State& state = *cable->state_;
  MemoryPair pair;
  pair.a = std::make_unique<MemoryStream>(
      EndState{cable, state.b_to_a, state.a_to_b, state.options.name_b});
  pair.b = std::make_unique<MemoryStream>(
      EndState{cable, state.a_to_b, state.b_to_a, state.options.name_a});
  pair.cable = std::move(cable);
  return pair;
}

}  // namespace babilu::net
