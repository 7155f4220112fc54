#include "core/net/outbox.h"

#include <cassert>
#include <utility>

#include <boost/asio/error.hpp>

#include "core/runtime/runtime.h"

namespace babilu::net {

Outbox::Outbox(Runtime& runtime, Stream& stream, Scope& scope, const Limits& limits, Owner& owner)
    : runtime_(runtime),
      stream_(stream),
      scope_(scope),
      limits_(limits),
      owner_(owner),
      flush_(
          runtime, [](void* self) { static_cast<Outbox*>(self)->flush_now(); }, this),
      progress_(runtime) {
  assert(limits.soft <= limits.hard);
}

void Outbox::flush_now() {
  if (draining_ || failed_) return;
  if (write()) {
    progress_.notify_all();
    owner_.on_outbox_progress();
  } else if (!failed_ && !scope_.cancelled()) {
    draining_ = true;
    scope_.spawn("outbox", drain());
  }
}

bool Outbox::write() {
  while (bytes() > 0) {
    if (writing_.empty()) writing_.swap(pending_);
    const Transfer sent = stream_.write_some(ByteView(writing_).subspan(written_));
    written_ += sent.bytes;
    assert(written_ <= writing_.size());
    if (written_ == writing_.size()) {
      written_ = 0;
      writing_.clear();
      if (writing_.capacity() > limits_.keep) writing_ = {};
    }
    if (sent.error) {
      if (sent.error != boost::asio::error::would_block) fail(sent.error);
      return false;
    }
  }
  return !stream_.unsent();
}

task<> Outbox::drain() {
  assert(draining_);
  while (!failed_) {
    const error_code error = co_await stream_.writable(runtime_.now() + limits_.stall);
    if (error) {
      fail(error);
      break;
    }
    const bool empty = write();
    progress_.notify_all();
    owner_.on_outbox_progress();
    if (empty) break;
  }
  draining_ = false;
  if (!failed_) owner_.on_outbox_unblocked();
}

void Outbox::fail(error_code error) {
  if (failed_) return;
  failed_ = true;
  pending_ = {};
  writing_ = {};
  written_ = 0;
  progress_.notify_all();
  owner_.on_outbox_failed(error);
}

task<bool> Outbox::drained(Deadline deadline) {
  flush_now();
  while (!failed_ && (bytes() > 0 || draining_)) {
    const bool progressed = co_await progress_.wait(deadline);
    if (!progressed) co_return false;
  }
  co_return !failed_;
}

}  // namespace babilu::net
