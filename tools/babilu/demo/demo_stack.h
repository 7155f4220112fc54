#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/babilu/demo/child_process.h"
#include "tools/babilu/files.h"

namespace babilu::cli {

/// Where a demo has its files: a directory of its own that goes away with it, or one to keep.
class DemoDirectory {
 public:
  /// Empty: a temporary one. Throws std::system_error.
  explicit DemoDirectory(const std::filesystem::path& keep);
  DemoDirectory(const DemoDirectory&) = delete;
  DemoDirectory& operator=(const DemoDirectory&) = delete;
  ~DemoDirectory();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path certificates() const { return path_ / "certificates"; }
  std::filesystem::path authority() const { return certificates() / "ca.pem"; }
  std::filesystem::path admin_token() const { return certificates() / "admin" / "token"; }
  bool kept() const noexcept { return kept_; }

 private:
  std::filesystem::path path_;
  bool kept_;
};

/// One process of the stack and where it listens, all on 127.0.0.1.
struct Member {
  std::string name;
  std::uint16_t port;
  std::uint16_t admin;
};

/// A proxy and two backends on this machine, a process each.
class DemoStack {
 public:
  /// Ports: `base` for the proxy, two more for the backends; 80 further on, their admin endpoints.
  DemoStack(Runtime& runtime, net::Network& network, const DemoDirectory& directory,
            std::uint16_t base);

  const std::array<Member, 3>& members() const noexcept { return members_; }

  /// The ports that something else has taken, as addresses.
  std::vector<std::string> taken_ports();
  /// Starts all three and waits until they can serve. What went wrong, if something did.
  task<std::optional<Problem>> start(Deadline deadline);
  /// A process that has ended though nobody asked it to.
  std::optional<Problem> fallen();
  /// Ends those that run: asks, then kills. What went wrong, if one did not end in order.
  task<std::optional<Problem>> stop();

 private:
  ChildProcess::Start start_of(std::size_t index) const;
  task<std::optional<Problem>> ready(const Member& member, Deadline deadline);

  Runtime& runtime_;
  net::Network& network_;
  const DemoDirectory& directory_;
  const std::array<Member, 3> members_;
  std::vector<std::unique_ptr<ChildProcess>> processes_;  // in the order of members_
};

}  // namespace babilu::cli
