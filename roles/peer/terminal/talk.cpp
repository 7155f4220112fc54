#include "roles/peer/terminal/talk.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "core/net/tcp.h"
#include "core/runtime/runtime.h"
#include "core/runtime/signals.h"
#include "roles/peer/security.h"
#include "roles/peer/terminal/console.h"
#include "roles/peer/terminal/descriptor_reader.h"
#include "roles/peer/terminal/line_splitter.h"

namespace babilu::peer {

using namespace std::chrono_literals;

namespace {

constexpr Clock::duration farewell = 3s;
constexpr Clock::duration at_most = 1s;
constexpr int forced_exit = 130;

void say_error(const std::string& text) {
  fmt::print(stderr, "babilu: {}\n", text);
}

/// Whether there is input to read: a terminal stops who reads it from the background.
bool may_read() {
  return ::isatty(STDIN_FILENO) == 0 || ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

bool on_a_terminal() {
  const char* const kind = std::getenv("TERM");
  const bool dumb = kind == nullptr || std::string_view(kind) == "dumb";
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && !dumb && may_read();
}

task<rpc::Outcome<std::unique_ptr<Profile>>> open(Runtime& runtime, std::filesystem::path path,
                                                  std::string name) {
  if (path.empty()) {
    auto found = default_profile_path(name);
    if (!found) co_return found.error();
    path = std::move(*found);
  }
  co_return co_await open_profile(runtime, std::move(path), std::move(name));
}

/// One run of the program, from the first dial to the farewell.
class Talk final : private LineEditor::Listener {
 public:
  Talk(Runtime& runtime, const TalkOptions& options, Profile& profile)
      : runtime_(runtime),
        options_(options),
        network_(runtime),
        security_(runtime),
        terminal_(on_a_terminal() ? std::make_unique<TerminalScreen>() : nullptr),
        console_(runtime, profile, screen()),
        node_(runtime, network_, security_, profile, {}, console_),
        scope_(runtime),
        signals_(runtime, {SIGINT, SIGTERM, SIGHUP}) {
    console_.use(node_);
    runtime.on_essential_failure([this](std::string_view, const std::exception_ptr&) {
      failed_ = true;
      interrupt();
    });
  }
  ~Talk() { runtime_.on_essential_failure({}); }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  task<TalkExit> run() {
    if (!listen()) co_return TalkExit::unusable;
    scope_.spawn_essential("signals", watch_signals());
    TalkExit exit = TalkExit::done;
    const bool begun = co_await begin();
    if (begun) {
      if (may_read()) scope_.spawn_essential("input", read_input());
      while (!over()) co_await console_.changed().wait();
      co_await finish();
    }
    exit = outcome(begun);
    if (node_.unsettled() > 0) {
      screen().show(Style::notice,
                    fmt::format("-- not delivered yet and kept: {}", node_.unsettled()));
    }
    co_await node_.leave(runtime_.now() + farewell);
    scope_.cancel();
    co_await scope_.join();
    co_return exit;
  }

 private:
  Screen& screen() {
    if (terminal_) return *terminal_;
    return plain_;
  }
  bool dialing_ended() const { return options_.to && !node_.dials(*options_.to); }
  bool over() const {
    return console_.quitting() || interrupted_ || input_ended_ ||
           (dialing_ended() && !options_.at && !node_.is_here(console_.partner()));
  }

  bool listen();
  task<bool> begin();
  task<> finish();
  TalkExit outcome(bool begun) const;
  void interrupt() {
    interrupted_ = true;
    console_.changed().notify_all();
  }
  task<> watch_signals();
  task<> read_input();
  task<> take_lines();
  void on_line(std::string line) override { lines_.push_back({std::move(line), false}); }
  void on_end() override { console_.quit(); }

  Runtime& runtime_;
  const TalkOptions& options_;
  net::TcpNetwork network_;
  PeerSecurity security_;
  PlainScreen plain_;
  std::unique_ptr<TerminalScreen> terminal_;
  Console console_;
  Node node_;
  Scope scope_;
  Signals signals_;
  std::vector<LineSplitter::Line> lines_;  ///< typed, not yet done
  bool input_ended_ = false;
  bool interrupted_ = false;
  bool failed_ = false;  ///< something without which nothing works
};

bool Talk::listen() {
  std::vector<net::Address> listening;
  if (options_.at) {
    auto listener = network_.listen(*options_.at);
    if (!listener) {
      screen().show(Style::alarm,
                    fmt::format("babilu: cannot listen at {}: {}", options_.at->to_string(),
                                listener.error().message()));
      return false;
    }
    listening.push_back((*listener)->local());
    node_.listen(std::move(*listener));
  }
  console_.greet(listening);
  return true;
}

/// Waits until there is somebody to talk to, if it is we who dial. False when there is nobody.
task<bool> Talk::begin() {
  if (!options_.to) co_return true;
  const auto known = co_await node_.contact_at(*options_.to);
  node_.dial(*options_.to, options_.with);
  // Who has been here before can be written to while they are away.
  if (known && *known && (options_.with.empty() || (*known)->name == options_.with)) {
    console_.talk_to((*known)->name);
  }
  const Deadline deadline = runtime_.now() + options_.wait;
  bool in_time = true;
  while (console_.partner().empty() && !over() && in_time) {
    in_time = co_await console_.changed().wait(deadline);
  }
  if (!console_.partner().empty()) co_return !dialing_ended();
  if (!in_time) {
    screen().show(Style::alarm,
                  fmt::format("babilu: nobody answers at {}: {}", options_.to->to_string(),
                              console_.unreachable().message));
  }
  co_return false;
}

task<> Talk::read_input() {
  DescriptorReader reader(runtime_, STDIN_FILENO);
  LineSplitter splitter(most_text_bytes);
  const auto take = [this](LineSplitter::Line line) { lines_.push_back(std::move(line)); };
  for (;;) {
    const auto bytes = co_await reader.read();
    if (!bytes) break;
    if (terminal_) {
      terminal_->type(*bytes, *this);
    } else {
      splitter.feed(*bytes, take);
    }
    co_await take_lines();
  }
  splitter.finish(take);
  co_await take_lines();
  if (options_.stay && ::isatty(STDIN_FILENO) == 0) co_return;
  input_ended_ = true;
  console_.changed().notify_all();
}

task<> Talk::take_lines() {
  for (LineSplitter::Line& line : std::exchange(lines_, {})) {
    if (line.too_long) {
      console_.complain("not sent: a line has at most 16 KiB");
    } else if (!console_.quitting()) {
      co_await console_.take(std::move(line.text));
    }
  }
}

/// Input has ended: what was said gets time to arrive. A person who leaves does not wait long.
task<> Talk::finish() {
  if (interrupted_) co_return;
  const Clock::duration patience = options_.deliver;
  const Deadline deadline = runtime_.now() + (terminal_ ? std::min(patience, at_most) : patience);
  bool in_time = true;
  while (node_.unsettled() > 0 && !interrupted_ && in_time && !dialing_ended()) {
    in_time = co_await console_.changed().wait(deadline);
  }
  const Deadline end = runtime_.now() + options_.linger;
  in_time = options_.linger > 0ms && !console_.quitting();
  while (in_time && !interrupted_) in_time = co_await console_.changed().wait(end);
}

TalkExit Talk::outcome(bool begun) const {
  if (failed_) return TalkExit::failed;
  if (!begun && interrupted_) return TalkExit::done;
  if (dialing_ended() && console_.refused()) return TalkExit::refused;
  if (!begun || node_.unsettled() > 0) return TalkExit::unavailable;
  return console_.failed() && !terminal_ ? TalkExit::refused : TalkExit::done;
}

task<> Talk::watch_signals() {
  co_await signals_.next();
  interrupt();
  co_await signals_.next();
  terminal_.reset();
  std::_Exit(forced_exit);
}

task<> talk_on(Runtime& runtime, const TalkOptions& options, TalkExit& exit) {
  auto profile = co_await open(runtime, options.profile, options.name);
  if (!profile) {
    say_error(profile.error().message);
    co_return;
  }
  Talk talk(runtime, options, **profile);
  exit = co_await talk.run();
}

task<> forget_on(Runtime& runtime, std::filesystem::path path, std::string name,
                 std::string contact, TalkExit& exit) {
  auto profile = co_await open(runtime, std::move(path), std::move(name));
  if (!profile) {
    say_error(profile.error().message);
    co_return;
  }
  auto unit = [contact, now = runtime.clock().wall()](store::Transaction& transaction) {
    return store::commit(forget_contact(transaction, contact, now));
  };
  const auto forgotten = co_await (*profile)->store->write(
      runtime, std::move(unit), runtime.now() + 10s, store::AfterLostCommit::run_again);
  if (!forgotten) {
    exit = TalkExit::unavailable;
    say_error(forgotten.error().message);
  } else if (!*forgotten) {
    exit = TalkExit::refused;
    say_error(fmt::format("{} knows nobody called {}", (*profile)->name, contact));
  } else {
    fmt::print("{} has forgotten {} and their key; what was said stays\n", (*profile)->name,
               contact);
    exit = TalkExit::done;
  }
}

}  // namespace

TalkExit talk(const TalkOptions& options) {
  Runtime runtime;
  TalkExit exit = TalkExit::unusable;
  runtime.run(talk_on(runtime, options, exit));
  return exit;
}

TalkExit forget(const std::filesystem::path& profile, const std::string& name,
                const std::string& contact) {
  Runtime runtime;
  TalkExit exit = TalkExit::unusable;
  runtime.run(forget_on(runtime, profile, name, contact, exit));
  return exit;
}

}  // namespace babilu::peer
