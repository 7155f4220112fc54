#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "roles/peer/terminal/line.h"

namespace babilu::peer {

/// Lines out of bytes as they come. Holds at most `most` bytes; of a longer line the rest is thrown
/// away and it is told as too long.
class LineSplitter {
 public:
  using Take = std::function<void(Line)>;

  explicit LineSplitter(std::size_t most) : most_(most) {}

  void feed(std::string_view bytes, const Take& take) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      append(bytes.substr(0, end));
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
      take(std::exchange(line_, {}));
      begun_ = false;
    }
  }
  /// At the end of input: a last line may lack its newline.
  void finish(const Take& take) {
    if (begun_) take(std::exchange(line_, {}));
    begun_ = false;
  }

 private:
  void append(std::string_view bytes) {
    begun_ = begun_ || !bytes.empty();
    const std::size_t room = most_ - line_.text.size();
    line_.too_long = line_.too_long || bytes.size() > room;
    line_.text += bytes.substr(0, room);
  }

  const std::size_t most_;
  Line line_;
  bool begun_ = false;
};

}  // namespace babilu::peer
