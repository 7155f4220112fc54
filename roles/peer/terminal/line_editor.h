#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "roles/peer/terminal/line.h"

namespace babilu::peer {

/// One line as it is being typed on a terminal: keys go in, finished lines come out, and what is to
/// be drawn. No I/O inside. Knows the keys that every line editor knows: arrows, Home, End,
/// Backspace, Delete, and Ctrl-A B D E F H K N P U W. What a terminal says was pasted (its
/// "bracketed paste mode") goes in as it is, with its line breaks.
class LineEditor {
 public:
  /// Of what goes beyond, nothing is taken, and the line is told as too long.
  static constexpr std::size_t most_bytes = 16 * 1024;

  struct Listener {
    virtual void on_line(Line line) = 0;
    virtual void on_end() = 0;  ///< Ctrl-D on an empty line

   protected:
    ~Listener() = default;
  };

  /// Bytes as the terminal gives them, in pieces of any size.
  void feed(std::string_view bytes, Listener& listener);

  struct Drawing {
    std::string text;
    int cursor = 0;  ///< its column
    int width = 0;   ///< of all, in columns
  };
  /// What shows the prompt and the part of the line around the cursor that fits beside it, with the
  /// cursor in its place, on the terminal's current row. All of it is harmless.
  Drawing draw(std::string_view prompt, int columns) const;

  const std::string& text() const noexcept { return line_.text; }

 private:
  /// Where we are in a sequence that begins with ESC.
  enum class Escape { none, begun, bracket };

  void on_byte(char byte, Listener& listener);
  void on_control(char byte, Listener& listener);
  void on_escape(char byte);
  void on_sequence(char final);
  void on_pasted(char byte);
  void insert(char byte);
  void finish(Listener& listener);
  void recall(std::size_t position);
  std::size_t before(std::size_t position) const;
  std::size_t after(std::size_t position) const;
  std::size_t word_before(std::size_t position) const;
  void erase(std::size_t from, std::size_t to);

  Line line_;
  std::size_t cursor_ = 0;  ///< in bytes
  std::string partial_;     ///< of a character whose bytes have not all come
  Escape escape_ = Escape::none;
  std::string parameters_;
  bool pasting_ = false;
  bool after_return_ = false;  ///< a line feed that follows belongs to it
  bool has_paste_ = false;
  std::vector<Line> past_;
  std::size_t recalled_ = 0;  ///< past_.size(): none
};

/// Columns that a text takes on a terminal; needs a UTF-8 locale for characters that are wide.
int columns_of(std::string_view text);

}  // namespace babilu::peer
