#include "tools/bots/checker.h"

#include <algorithm>

#include <boost/unordered/unordered_flat_set.hpp>

#include "roles/api/identity.pb.h"
#include "roles/api/methods.h"
#include "roles/api/vault.pb.h"
#include "tools/bots/call.h"
#include "tools/bots/each.h"
#include "tools/bots/operations.h"

namespace babilu::bots {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_at_once = 64;
/// When nobody has answered anything for so many deadlines the stack is taken to be gone.
constexpr int patience = 4;

class Checker {
 public:
  Checker(Swarm& swarm, Deadline deadline)
      : swarm_(swarm), deadline_(deadline), last_answer_(swarm.runtime.now()) {
    for (const auto& bot : swarm.bots) {
      if (bot->connected && askers_.size() < most_at_once) askers_.push_back(bot.get());
    }
  }
  task<> run();

 private:
  /// Checks one thing; true when an answer was had, right or wrong.
  template <class T>
  using Check = task<bool> (Checker::*)(std::size_t worker, const T& item);

  template <class T>
  task<> each(const std::vector<T>& items, CheckedReport& report, Check<T> check);
  template <class T>
  task<> one(std::size_t worker, const T& item, CheckedReport& report, Check<T> check);
  template <class Service, class Request, class Answer>
  task<rpc::Outcome<Answer>> ask(std::size_t worker,
                                 const rpc::Method<Service, Request, Answer>& method,
                                 const Request& request, std::string_view token = {});

  void look_for_shared_ids();
  std::vector<Account> choose_logins();
  task<bool> account_exists(std::size_t worker, const Account& account);
  task<bool> account_logs_in(std::size_t worker, const Account& account);
  task<bool> account_is_itself(std::size_t worker, const Account& account, const Secret& token);
  task<bool> account_signs(std::size_t worker, const Account& account, const Secret& token);
  task<bool> ciphertext_decrypts(std::size_t worker, const Sealed& sealed);
  task<bool> signature_verifies(std::size_t worker, const Signed& made);
  task<bool> verifies_alone(std::size_t worker, const Account& account, const std::string& message,
                            const std::string& signature);
  task<rpc::Outcome<api::LoginReply>> log_in(std::size_t worker, const Account& account);

  bool over_by(Clock::time_point moment) const {
    const Deadline given_up = last_answer_ + patience * swarm_.config.deadline;
    return swarm_.stop.checks() || moment >= std::min(deadline_, given_up);
  }
  std::string name(const Account& account) const {
    return swarm_.names.name(account.bot, account.number);
  }
  static std::uint64_t key_of(const Account& account) {
    return std::uint64_t{account.bot} << 32 | account.number;
  }

  Swarm& swarm_;
  const Deadline deadline_;
  Clock::time_point last_answer_;
  std::vector<Bot*> askers_;
  boost::unordered_flat_set<std::uint64_t> gone_;
};

task<> Checker::run() {
  ChecksReport& report = swarm_.checks;
  look_for_shared_ids();
  co_await each(swarm_.ledger.accounts.kept(), report.accounts, &Checker::account_exists);
  const std::vector<Account> logins = choose_logins();
  co_await each(logins, report.logins, &Checker::account_logs_in);
  co_await each(swarm_.ledger.ciphertexts.kept(), report.ciphertexts,
                &Checker::ciphertext_decrypts);
  co_await each(swarm_.ledger.signatures.kept(), report.signatures, &Checker::signature_verifies);
}

template <class T>
task<> Checker::each(const std::vector<T>& items, CheckedReport& report, Check<T> check) {
  report.planned = items.size();
  co_await for_each_index(swarm_.runtime, items.size(), askers_.size(),
                          [this, &items, &report, check](std::size_t worker, std::size_t index) {
                            return one(worker, items[index], report, check);
                          });
}

template <class T>
task<> Checker::one(std::size_t worker, const T& item, CheckedReport& report, Check<T> check) {
  if (over_by(swarm_.runtime.now())) co_return;
  const bool answered = co_await (this->*check)(worker, item);
  report.checked += answered ? 1 : 0;
}

template <class Service, class Request, class Answer>
task<rpc::Outcome<Answer>> Checker::ask(std::size_t worker,
                                        const rpc::Method<Service, Request, Answer>& method,
                                        const Request& request, std::string_view token) {
  const rpc::CallOptions options{.token = token};
  for (Clock::duration pause = 50ms;; pause = std::min<Clock::duration>(2 * pause, 2s)) {
    auto answer = co_await send(swarm_, *askers_[worker], method, request, options);
    const rpc::Status status = answer ? rpc::Status() : answer.error();
    if (!effect_unknown(status.code)) last_answer_ = swarm_.runtime.now();
    if (answer) co_return answer;
    const auto again = swarm_.runtime.now() + std::max<Clock::duration>(pause, status.retry_after);
    if (!worth_another_try(status.code) || over_by(again)) {
      swarm_.recorder.record_error(method.traits.name, status);
      co_return answer;
    }
    co_await swarm_.stop.wait(again);
  }
}

void Checker::look_for_shared_ids() {
  std::vector<Account> accounts = swarm_.ledger.accounts.kept();
  std::sort(accounts.begin(), accounts.end(),
            [](const Account& a, const Account& b) { return a.id < b.id; });
  for (std::size_t i = 1; i < accounts.size(); ++i) {
    if (accounts[i].id != accounts[i - 1].id) continue;
    swarm_.findings.duplicated("the id " + std::to_string(accounts[i].id) + " was given to " +
                               name(accounts[i - 1]) + " and to " + name(accounts[i]));
  }
}

std::vector<Account> Checker::choose_logins() {
  QuickRandom random(swarm_.names.choices_of(UINT32_MAX));
  Reservoir<Account> chosen(swarm_.config.check_logins);
  for (const Account& account : swarm_.ledger.accounts.kept()) {
    if (!gone_.contains(key_of(account))) chosen.offer(account, random);
  }
  return chosen.kept();
}

task<bool> Checker::account_exists(std::size_t worker, const Account& account) {
  api::VerifyRequest request;
  request.set_name(name(account));
  request.set_message("does this account exist?");
  request.set_signature(make_payload(account.id, 64));
  const auto answer = co_await ask(worker, api::Identity::verify, request);
  if (!answer && answer.error().code == rpc::Code::not_found) {
    gone_.insert(key_of(account));
    swarm_.findings.lost("the account " + name(account) + " was acknowledged and does not exist");
    co_return true;
  }
  if (answer && answer->valid()) {
    swarm_.findings.corrupt("random bytes pass as a signature of " + name(account));
  }
  co_return answer.has_value();
}

task<rpc::Outcome<api::LoginReply>> Checker::log_in(std::size_t worker, const Account& account) {
  api::LoginRequest request;
  request.set_name(name(account));
  request.set_password(swarm_.names.password(account.bot, account.number));
  auto answer = co_await ask(worker, api::Identity::login, request);
  co_return answer;
}

task<bool> Checker::account_logs_in(std::size_t worker, const Account& account) {
  const auto answer = co_await log_in(worker, account);
  if (!answer) {
    const bool refused = answer.error().code == rpc::Code::unauthenticated ||
                         answer.error().code == rpc::Code::not_found;
    if (refused) {
      swarm_.findings.lost("the account " + name(account) +
                           " cannot log in: " + answer.error().to_string());
    }
    co_return refused;
  }
  if (answer->account_id() != account.id) {
    swarm_.findings.corrupt("the login of " + name(account) + " gives another account's id");
    co_return true;
  }
  const Secret token(answer->token().begin(), answer->token().end());
  const bool known = co_await account_is_itself(worker, account, token);
  const bool proved = co_await account_signs(worker, account, token);
  co_return known&& proved;
}

task<bool> Checker::account_is_itself(std::size_t worker, const Account& account,
                                      const Secret& token) {
  const api::WhoamiRequest request;
  const auto answer = co_await ask(worker, api::Identity::whoami, request, text_of(token));
  if (!answer) co_return false;
  if (answer->name() != name(account) || answer->account_id() != account.id ||
      answer->signing_key() != text_of(account.signing_key)) {
    swarm_.findings.corrupt("whoami of " + name(account) + " tells of somebody else");
  }
  co_return true;
}

task<bool> Checker::account_signs(std::size_t worker, const Account& account, const Secret& token) {
  api::SignRequest request;
  request.set_message("signed by " + name(account));
  const auto answer = co_await ask(worker, api::Vault::sign, request, text_of(token));
  if (!answer) {
    // A stack may do sign-up alone.
    co_return answer.error().code == rpc::Code::unimplemented&& swarm_.config.scenario ==
        Scenario::signup;
  }
  if (!crypto::verify(account.signing_key, bytes_of(request.message()),
                      bytes_of(answer->signature()))) {
    swarm_.findings.corrupt("a signature of " + name(account) + " does not verify by its key");
    co_return true;
  }
  const bool answered =
      co_await verifies_alone(worker, account, request.message(), answer->signature());
  co_return answered;
}

task<bool> Checker::verifies_alone(std::size_t worker, const Account& account,
                                   const std::string& message, const std::string& signature) {
  api::VerifyRequest request;
  request.set_name(name(account));
  request.set_message(message);
  request.set_signature(signature);
  const auto answer = co_await ask(worker, api::Identity::verify, request);
  request.set_message(message + "!");
  const auto changed = co_await ask(worker, api::Identity::verify, request);
  if (answer && !answer->valid()) {
    swarm_.findings.corrupt("a signature of " + name(account) + " does not pass");
  }
  if (changed && changed->valid()) {
    swarm_.findings.corrupt("a signature of " + name(account) + " passes for another message");
  }
  co_return answer&& changed;
}

task<bool> Checker::ciphertext_decrypts(std::size_t worker, const Sealed& sealed) {
  Bot& owner = *swarm_.bots[sealed.bot];
  api::DecryptRequest request;
  request.set_ciphertext(sealed.ciphertext);
  Secret token = owner.token;
  auto answer = co_await ask(worker, api::Vault::decrypt, request, text_of(token));
  if (!answer && answer.error().code == rpc::Code::unauthenticated) {
    const auto login = co_await log_in(worker, owner.account.value());
    if (!login) co_return false;
    token.assign(login->token().begin(), login->token().end());
    owner.token = token;
    answer = co_await ask(worker, api::Vault::decrypt, request, text_of(token));
  }
  const std::string whose = "a ciphertext of " + name(owner.account.value());
  if (answer) {
    const bool same = answer->plaintext() == make_payload(sealed.seed, swarm_.config.payload.bytes);
    if (!same) swarm_.findings.corrupt(whose + " decrypts to something else");
    co_return true;
  }
  switch (answer.error().code) {
    case rpc::Code::not_found:
      swarm_.findings.lost(whose + " has lost its key: " + answer.error().to_string());
      co_return true;
    case rpc::Code::invalid_argument:
    case rpc::Code::permission_denied:
    case rpc::Code::data_loss:
      swarm_.findings.corrupt(whose + " is refused: " + answer.error().to_string());
      co_return true;
    default:
      co_return false;
  }
}

task<bool> Checker::signature_verifies(std::size_t worker, const Signed& made) {
  const Account& account = swarm_.bots[made.bot]->account.value();
  const std::string signature(text_of(made.signature));
  const std::string message = message_of(made.seed);
  const bool answered = co_await verifies_alone(worker, account, message, signature);
  co_return answered;
}

}  // namespace

task<> run_checks(Swarm& swarm, Deadline deadline) {
  Checker checker(swarm, deadline);
  co_await checker.run();
}

CheckProgress check_progress(const Swarm& swarm) noexcept {
  const ChecksReport& checks = swarm.checks;
  CheckProgress progress;
  for (const CheckedReport* part :
       {&checks.accounts, &checks.logins, &checks.ciphertexts, &checks.signatures}) {
    progress.planned += part->planned;
    progress.checked += part->checked;
  }
  return progress;
}

}  // namespace babilu::bots
