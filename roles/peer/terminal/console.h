#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/runtime/condition.h"
#include "roles/peer/node.h"
#include "roles/peer/terminal/command.h"
#include "roles/peer/terminal/line.h"
#include "roles/peer/terminal/screen.h"

namespace babilu::peer {

/// Between a Node and a person: shows what happens, does what is typed.
///
/// Owner: whoever owns the Node, which must end first. Thread: the Runtime's.
class Console final : public Events {
 public:
  Console(Runtime& runtime, const Profile& profile, Screen& screen);

  /// Who comes is talked to by themselves when they are whom one came for. By default that is
  /// whoever one dials, or has talked to before: a stranger never is.
  struct Expected {
    std::string name;          ///< nobody but them; empty: anybody
    bool dialed_only = false;  ///< whoever one dials
  };
  void expect(Expected expected) { expected_ = std::move(expected); }

  /// Before anything else: the node whose events come here.
  void use(Node& node) { node_ = &node; }

  /// Says who one is, and how to be reached.
  void greet(const std::vector<net::Address>& listening);
  /// Does what one line says. Returns when it is done: a message is on the disk then.
  task<> take(Line line);
  void talk_to(const std::string& name);
  void quit();

  /// With whom one talks; empty: nobody yet.
  const std::string& partner() const noexcept { return partner_; }
  /// Shows that something that was typed cannot be done.
  void complain(const std::string& text);

  bool quitting() const noexcept { return quitting_; }
  /// Somebody refused, or was refused.
  bool refused() const noexcept { return refused_; }
  /// Something that was typed was not done: it was a mistake, the disk failed, or the other does
  /// not take it.
  bool failed() const noexcept { return failed_; }
  /// Whoever was dialed, or with whom one talks, has been here.
  bool answered() const noexcept { return answered_; }

  /// Messages that have not arrived, from earlier runs, too.
  struct Undelivered {
    std::size_t concerned = 0;  ///< those for whom one has talked to in this run
    std::string text;           ///< "2 for ada, 1 for bob"; empty: there are none
  };
  task<rpc::Outcome<Undelivered>> undelivered();
  /// Why the last address that was dialed did not answer.
  const rpc::Status& unreachable() const noexcept { return unreachable_; }
  /// Notified whenever one of the above, or what the node says of itself, may have changed.
  Condition& changed() noexcept { return changed_; }

  void on_joined(const Joined& joined) override;
  void on_left(const Contact& contact, const Ending& ending) override;
  void on_message(const Contact& contact, const Message& message) override;
  void on_settled(const Contact& contact, const Message& message, const rpc::Status& why) override;
  void on_refused(const Refusal& refusal) override;
  void on_refused_us(const net::Address& address, const rpc::Status& why) override;
  void on_unreachable(const net::Address& address, const rpc::Status& why) override;
  void on_dial_ended(const net::Address& address) override;
  void on_stranger(const net::Address& address, const std::string& why) override;
  void on_trouble(const std::string& what) override;

 private:
  /// A message of ours on its way.
  struct OnItsWay {
    std::string to;
    bool told = false;  ///< that it has to wait
  };

  task<> say(std::string to, std::string text);
  task<> list_contacts();
  task<> show_history(std::string name);
  task<> show_fingerprints(std::string name);
  task<> connect(std::string to);
  task<> forget(std::string name);
  /// The named one, or with whom one talks; complains when there is neither.
  std::optional<std::string> choose(const std::string& name);

  void notice(const std::string& text) { screen_.show(Style::notice, "-- " + text); }
  void alarm(const std::string& text);
  bool came_for(const Joined& joined) const;
  bool is_stranger(const Contact& contact) const;
  /// For what others can cause: at most a line a second, then only how many there were.
  class Restraint {
   public:
    bool may_show(Console& console);

   private:
    RateLimit lines_{{.per_second = 1, .burst = 10}};
    std::uint64_t unshown_ = 0;
  };
  void show_message(Style style, const std::string& from, const Message& message);

  Runtime& runtime_;
  const Profile& profile_;
  Screen& screen_;
  Node* node_ = nullptr;
  Condition changed_;
  std::string partner_;
  std::set<std::string> addressed_;                ///< whom one has talked to, or meant to
  std::map<std::int64_t, OnItsWay> on_their_way_;  ///< by message number
  Expected expected_;
  // Apart from each other: nobody can hide what matters behind noise.
  Restraint strangers_;
  Restraint alarms_;
  Restraint troubles_;
  rpc::Status unreachable_;
  bool quitting_ = false;
  bool refused_ = false;
  bool failed_ = false;
  bool answered_ = false;
};

}  // namespace babilu::peer
