#include "roles/peer/terminal/talk.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "core/base/standard_streams.h"
#include "core/net/tcp.h"
#include "core/runtime/runtime.h"
#include "core/runtime/signals.h"
#include "roles/peer/security.h"
#include "roles/peer/terminal/console.h"
#include "roles/peer/terminal/descriptor_reader.h"
#include "roles/peer/terminal/display.h"
#include "roles/peer/terminal/line_splitter.h"

namespace babilu::peer {

using namespace std::chrono_literals;

namespace {

constexpr Clock::duration farewell = 3s;
constexpr Clock::duration at_most = 1s;
/// How often to look whether another process has delivered what waits.
constexpr Clock::duration look_every = 250ms;
constexpr int forced_exit = 130;

void say_error(const std::string& text) {
  print_error(fmt::format("babilu: {}\n", text));
}

bool on_a_terminal() {
  const char* const kind = std::getenv("TERM");
  const bool dumb = kind == nullptr || std::string_view(kind) == "dumb";
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && !dumb;
}

/// A terminal that edits lines by itself holds 4,095 bytes of one and drops the rest in silence:
/// what fills it may have been longer.
std::size_t most_of_a_line() {
  return ::isatty(STDIN_FILENO) == 1 ? 4094 : most_text_bytes;
}

/// What the system does when nobody handles SIGTSTP. Returns when this process is to go on.
void stop_here() {
  struct sigaction standard{};
  struct sigaction before{};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGTSTP, &standard, &before);
  ::raise(SIGTSTP);
  ::sigaction(SIGTSTP, &before, nullptr);
}

task<rpc::Outcome<std::unique_ptr<Profile>>> open(Runtime& runtime, std::filesystem::path path,
                                                  std::string name,
                                                  IfMissing if_missing = IfMissing::make) {
  if (path.empty()) {
    auto found = default_profile_path(name);
    if (!found) co_return found.error();
    path = std::move(*found);
  }
  co_return co_await open_profile(runtime, std::move(path), std::move(name), if_missing);
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
        node_(runtime, network_, security_, profile, {.only = options.with}, console_),
        scope_(runtime),
        signals_(runtime, {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH}),
        given_back_(runtime) {
    if (terminal_) terminal_->take();
    console_.use(node_);
    console_.expect({.name = options.with, .dialed_only = options.to.has_value()});
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
    if (terminal_) scope_.spawn_essential("foreground", watch_foreground());
    TalkExit exit = TalkExit::done;
    const bool begun = co_await begin();
    if (begun) {
      scope_.spawn_essential("input", read_input());
      while (!over()) co_await console_.changed().wait();
      co_await finish();
    }
    const bool nobody = begun && !interrupted_ && unanswered() && !dialing_ended();
    if (nobody) tell_nobody_answers();
    const bool arrived = co_await tell_undelivered();
    exit = nobody ? TalkExit::unavailable : outcome(begun, arrived);
    co_await node_.leave(runtime_.now() + farewell);
    co_await scope_.close();
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
  task<bool> await_visitor();
  task<bool> knows(std::string name);
  void tell_who_is_awaited(bool known);
  task<> finish();
  task<> wait_for_arrival();
  task<bool> tell_undelivered();
  void tell_nobody_answers();
  bool unanswered() const { return options_.to && !terminal_ && !console_.answered(); }
  TalkExit outcome(bool begun, bool arrived) const;
  void interrupt() {
    interrupted_ = true;
    console_.changed().notify_all();
  }
  task<> watch_signals();
  task<> watch_foreground();
  void on_job_control(int signal);
  void quit_here();
  task<> read_input();
  task<> take_lines();
  void on_line(Line line) override { lines_.push_back(std::move(line)); }
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
  Condition given_back_;     ///< notified when the terminal has been
  std::vector<Line> lines_;  ///< typed, not yet done
  Deadline answer_by_{};
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
  if (!options_.to) co_return co_await await_visitor();
  const auto known = co_await node_.contact_at(*options_.to);
  node_.dial(*options_.to, options_.with);
  // Who has been here before can be written to while they are away.
  if (known && *known && (options_.with.empty() || (*known)->name == options_.with)) {
    console_.talk_to((*known)->name);
  }
  const bool named = co_await knows(options_.with);
  answer_by_ = runtime_.now() + options_.wait;
  bool in_time = true;
  bool told = false;
  while (console_.partner().empty() && !over() && in_time) {
    if (!told && !console_.unreachable().ok()) {
      tell_who_is_awaited(named);
      told = true;
    }
    in_time = co_await console_.changed().wait(answer_by_);
  }
  if (!console_.partner().empty()) co_return !dialing_ended();
  if (!in_time) tell_nobody_answers();
  co_return false;
}

/// Whoever is waited for by name, and known, can be written to before they come; else lines that
/// nobody types wait until they do.
task<bool> Talk::await_visitor() {
  if (options_.with.empty()) co_return true;
  if (co_await knows(options_.with)) {
    console_.talk_to(options_.with);
  } else {
    screen().show(Style::notice,
                  fmt::format("-- nobody called {} is known here yet; waiting until they come",
                              harmless_excerpt(options_.with, 64)));
  }
  while (!terminal_ && console_.partner().empty() && !over()) co_await console_.changed().wait();
  co_return true;
}

task<bool> Talk::knows(std::string name) {
  const auto contacts = co_await node_.contacts();
  if (!contacts) co_return false;
  co_return std::ranges::any_of(*contacts,
                                [&](const Contact& contact) { return contact.name == name; });
}

/// Once it is clear that there is a wait: for whom, and for how long.
void Talk::tell_who_is_awaited(bool known) {
  const std::string name = harmless_excerpt(options_.with, 64);
  std::string who = "nobody is known at that address";
  if (!name.empty())
    who = fmt::format("nobody called {} is known {}", name, known ? "there" : "here");
  const double seconds = std::chrono::duration<double>(options_.wait).count();
  screen().show(Style::notice,
                fmt::format("-- {}; waiting {:g} s for an answer (--wait)", who, seconds));
}

void Talk::tell_nobody_answers() {
  // Who is silent has given no reason.
  const std::string why = harmless_excerpt(console_.unreachable().message, 200);
  screen().show(Style::alarm,
                fmt::format("babilu: nobody answers at {}: {}", options_.to->to_string(),
                            why.empty() ? "no word in time" : why));
}

task<> Talk::read_input() {
  DescriptorReader reader(runtime_, STDIN_FILENO);
  LineSplitter splitter(most_of_a_line());
  const auto take = [this](Line line) { lines_.push_back(std::move(line)); };
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
  for (Line& line : std::exchange(lines_, {})) {
    if (line.too_long) {
      const std::size_t most = terminal_ ? LineEditor::most_bytes : most_of_a_line();
      console_.complain(fmt::format("not sent: a line has at most {} bytes here", most));
    } else if (!console_.quitting()) {
      co_await console_.take(std::move(line));
    }
  }
}

/// Input has ended: what was said gets time to arrive. A person who leaves does not wait long.
task<> Talk::finish() {
  if (interrupted_) co_return;
  co_await wait_for_arrival();
  const Deadline end = runtime_.now() + options_.linger;
  bool in_time = options_.linger > 0ms && !console_.quitting();
  while (in_time && !interrupted_) in_time = co_await console_.changed().wait(end);
}

/// What was said before counts, too: it goes out now, and it may be what one came for.
task<> Talk::wait_for_arrival() {
  const Clock::duration patience = options_.deliver;
  const Deadline deadline = runtime_.now() + (terminal_ ? std::min(patience, at_most) : patience);
  while (!interrupted_ && !dialing_ended()) {
    const auto undelivered = co_await console_.undelivered();
    const bool waiting = undelivered && undelivered->concerned > 0 && runtime_.now() < deadline;
    const bool may_answer = unanswered() && runtime_.now() < answer_by_;
    if (!waiting && !may_answer) break;
    co_await console_.changed().wait(runtime_.now() + look_every);
  }
}

/// Whether all has arrived that was said to whom one has talked to.
task<bool> Talk::tell_undelivered() {
  const auto undelivered = co_await console_.undelivered();
  if (!undelivered) {
    console_.complain("cannot look up what has arrived: " + undelivered.error().message);
    co_return false;
  }
  if (!undelivered->text.empty()) {
    screen().show(Style::notice, "-- not delivered yet and kept: " + undelivered->text);
  }
  co_return undelivered->concerned == 0;
}

TalkExit Talk::outcome(bool begun, bool arrived) const {
  if (failed_) return TalkExit::failed;
  if (!begun && interrupted_) return TalkExit::done;
  if (dialing_ended() && console_.refused()) return TalkExit::refused;
  if (!begun || !arrived) return TalkExit::unavailable;
  return console_.failed() && !terminal_ ? TalkExit::refused : TalkExit::done;
}

task<> Talk::watch_signals() {
  for (;;) {
    const int signal = co_await signals_.next();
    if (signal == SIGTSTP || signal == SIGCONT || signal == SIGWINCH) {
      on_job_control(signal);
    } else if (signal == SIGQUIT) {
      quit_here();
    } else if (!interrupted_) {
      interrupt();
    } else {
      terminal_.reset();
      std::_Exit(forced_exit);
    }
  }
}

/// Who types Ctrl-\ waits for nothing, and still wants to see afterwards what they type.
void Talk::quit_here() {
  if (terminal_) terminal_->give_back();
  ::signal(SIGQUIT, SIG_DFL);
  ::raise(SIGQUIT);
}

void Talk::on_job_control(int signal) {
  if (signal == SIGTSTP) {
    if (terminal_) terminal_->give_back();
    stop_here();
  }
  if (!terminal_) return;
  if (signal == SIGWINCH) {
    terminal_->redraw();
  } else {
    terminal_->take();
    given_back_.notify_all();
  }
}

/// A job that runs in the background is not told when it comes to the foreground.
task<> Talk::watch_foreground() {
  for (;;) {
    while (terminal_->held()) co_await given_back_.wait();
    co_await runtime_.sleep_for(look_every);
    if (may_read(STDIN_FILENO)) terminal_->take();
  }
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
  auto profile = co_await open(runtime, std::move(path), std::move(name), IfMissing::refuse);
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
    print(fmt::format("{} has forgotten {} and their key; what was said stays\n", (*profile)->name,
                      contact));
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
