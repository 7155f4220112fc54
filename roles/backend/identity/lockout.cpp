#include "roles/backend/identity/lockout.h"

#include <algorithm>

namespace babilu::backend {

using store::Transaction;
using store::WallTime;

namespace {

constexpr int most_known = 16;
constexpr int most_others = 64;

// The address at hand stays, also where the others are from ahead of a clock that was set back.

void forget_others(Transaction& transaction, std::uint64_t account, ByteView address) {
  transaction.execute(
      "delete from account_address where account = ? and logged_in = 0 and address not in"
      " (select address from account_address where account = ? and logged_in = 0"
      " order by address = ? desc, seen desc limit ?)",
      account, account, address, most_others);
}

void forget_known(Transaction& transaction, std::uint64_t account, ByteView address) {
  transaction.execute(
      "delete from account_address where account = ? and logged_in > 0 and address not in"
      " (select address from account_address where account = ? and logged_in > 0"
      " order by address = ? desc, logged_in desc limit ?)",
      account, account, address, most_known);
}

}  // namespace

Lockout::Milliseconds Lockout::time_left(const Standing& standing, WallTime now) const noexcept {
  const Milliseconds of_address = time_left(standing.address_locked_until, now);
  if (standing.known_address) return of_address;
  return std::max(of_address, time_left(standing.account_locked_until, now));
}

Lockout::Milliseconds Lockout::time_left(WallTime until, WallTime now) const noexcept {
  const auto left = std::chrono::ceil<Milliseconds>(until - now);
  // A clock that is set a little is no reason to forget a lock.
  if (left <= Milliseconds(0) || left > 2 * options_.lock_time) return Milliseconds(0);
  return std::min<Milliseconds>(left, options_.lock_time);
}

Lockout::Milliseconds Lockout::time_left(Transaction& transaction, std::uint64_t account,
                                         ByteView address, WallTime now) const {
  const auto row = transaction.find<WallTime, WallTime, bool>(
      "select account.locked_until, coalesce(there.locked_until, 0),"
      " coalesce(there.logged_in, 0) > 0 from account left join account_address there"
      " on there.account = account.id and there.address = ? where id = ?",
      address, account);
  if (!row) return Milliseconds(0);
  const auto& [account_locked, address_locked, known] = *row;
  return time_left(Standing{account_locked, address_locked, known}, now);
}

void Lockout::failed(Transaction& transaction, std::uint64_t account, ByteView address,
                     WallTime now) const {
  const auto row = transaction.find<int, WallTime>(
      "insert into account_address (account, address, failures, seen)"
      " select id, ?, 1, ? from account where id = ?"
      " on conflict (account, address) do update set failures = failures + 1, seen = excluded.seen"
      " returning failures, logged_in",
      address, now, account);
  if (!row) return;  // the account is gone
  const auto [failures, logged_in] = *row;
  if (failures >= options_.most_failures) {
    transaction.execute(
        "update account_address set failures = 0, locked_until = ? where account = ? and"
        " address = ?",
        now + options_.lock_time, account, address);
  }
  if (logged_in != WallTime{}) return;
  if (failures == 1) forget_others(transaction, account, address);
  count_for_account(transaction, account, now);
}

void Lockout::count_for_account(Transaction& transaction, std::uint64_t account,
                                WallTime now) const {
  auto [failures, since] = *transaction.find<int, WallTime>(
      "select failures, failing_since from account where id = ?", account);
  if (now < since || now - since >= options_.window) {
    failures = 0;
    since = now;
  }
  ++failures;
  transaction.execute("update account set failures = ?, failing_since = ? where id = ?", failures,
                      since, account);
  if (failures < options_.most_failures_of_account) return;
  transaction.execute("update account set failures = 0, locked_until = ? where id = ?",
                      now + options_.lock_time, account);
}

void Lockout::succeeded(Transaction& transaction, std::uint64_t account, ByteView address,
                        WallTime now) const {
  transaction.execute(
      "insert into account_address (account, address, logged_in, seen)"
      " select id, ?, ?, ? from account where id = ?"
      " on conflict (account, address) do update set failures = 0, locked_until = 0,"
      " logged_in = excluded.logged_in, seen = excluded.seen",
      address, now, now, account);
  forget_known(transaction, account, address);
}

}  // namespace babilu::backend
