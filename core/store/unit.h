#pragma once

#include <cassert>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/store/error.h"
#include "core/store/transaction.h"

namespace babilu::store {

/// Whether what a unit did is kept.
enum class Decision : std::uint8_t { commit, roll_back };

/// What a unit that writes returns: its result, and apart from it whether its effect is kept. A
/// failed login has a result that refuses, and commits its counter.
template <class T>
struct Verdict {
  Decision decision;
  T value;

  template <class U>
    requires(!std::same_as<T, U> && std::convertible_to<T, U>)
  operator Verdict<U>() && {
    return {decision, std::move(value)};
  }
};
template <>
struct Verdict<void> {
  Decision decision;
};

template <class T>
Verdict<std::decay_t<T>> commit(T&& value) {
  return {Decision::commit, std::forward<T>(value)};
}
inline Verdict<void> commit() {
  return {Decision::commit};
}

template <class T>
Verdict<std::decay_t<T>> roll_back(T&& value) {
  return {Decision::roll_back, std::forward<T>(value)};
}
inline Verdict<void> roll_back() {
  return {Decision::roll_back};
}

/// What to do with a unit whose COMMIT failed, so that nobody knows whether it took effect.
enum class AfterLostCommit : std::uint8_t {
  fail,       ///< answer outcome_unknown
  run_again,  ///< the unit looks first whether it took effect (idempotency.h): run it again
};

namespace detail {

template <class T>
struct VerdictValue;
template <class T>
struct VerdictValue<Verdict<T>> {
  using type = T;
};

/// A unit with its caller's answer, in the frame of the coroutine that waits for it.
class Work {
 public:
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  /// Why there is no value: a failure, or an exception that is a bug.
  std::optional<StoreError> failure;
  std::exception_ptr bug;

 protected:
  Work() = default;
  ~Work() = default;
};

class WriteWork : public Work {
 public:
  /// Runs the unit, perhaps not for the first time.
  virtual Decision run(Transaction& transaction) = 0;

 protected:
  ~WriteWork() = default;
};

class ReadWork : public Work {
 public:
  virtual void run(Snapshot& snapshot) = 0;

 protected:
  ~ReadWork() = default;
};

template <class F>
class WriteWorkOf final : public WriteWork {
 public:
  using VerdictType = std::invoke_result_t<F&, Transaction&>;
  using Value = typename VerdictValue<VerdictType>::type;

  explicit WriteWorkOf(F unit) : unit_(std::move(unit)) {}

  Decision run(Transaction& transaction) override {
    verdict_.emplace(unit_(transaction));
    return verdict_->decision;
  }
  StoreResult<Value> take() {
    if (bug) std::rethrow_exception(bug);
    if (failure) return std::move(*failure);
    assert(verdict_);  // else it was answered without having run
    if constexpr (std::is_void_v<Value>) {
      return {};
    } else {
      return std::move(verdict_->value);
    }
  }

 private:
  F unit_;
  std::optional<VerdictType> verdict_;
};

template <class F>
class ReadWorkOf final : public ReadWork {
 public:
  using Value = std::invoke_result_t<F&, Snapshot&>;

  explicit ReadWorkOf(F unit) : unit_(std::move(unit)) {}

  void run(Snapshot& snapshot) override { value_.emplace(unit_(snapshot)); }
  StoreResult<Value> take() {
    if (bug) std::rethrow_exception(bug);
    if (failure) return std::move(*failure);
    assert(value_);
    return std::move(*value_);
  }

 private:
  F unit_;
  std::optional<Value> value_;
};

}  // namespace detail

}  // namespace babilu::store
