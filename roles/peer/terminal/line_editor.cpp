#include "roles/peer/terminal/line_editor.h"

#include <algorithm>
#include <cwchar>
#include <utility>

#include "core/base/utf8.h"

namespace babilu::peer {

namespace {

constexpr std::size_t most_past = 100;
constexpr char escape = 0x1B;
constexpr char rubout = 0x7F;

constexpr char control(char letter) {
  return static_cast<char>(letter & 0x1F);
}

int columns_of_character(std::string_view sequence) {
  std::mbstate_t state{};
  wchar_t wide = 0;
  const std::size_t used = std::mbrtowc(&wide, sequence.data(), sequence.size(), &state);
  if (used == 0 || used > sequence.size()) return 1;
  return std::max(wcwidth(wide), 0);
}

}  // namespace

int columns_of(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_sequence_length(text), 1);
    columns += columns_of_character(text.substr(0, length));
    text.remove_prefix(length);
  }
  return columns;
}

void LineEditor::feed(std::string_view bytes, Listener& listener) {
  for (const char byte : bytes) on_byte(byte, listener);
}

void LineEditor::on_byte(char byte, Listener& listener) {
  const auto value = static_cast<unsigned char>(byte);
  if (escape_ != Escape::none) {
    on_escape(byte);
  } else if (byte == escape) {
    escape_ = Escape::begun;
    parameters_.clear();
  } else if (value < 0x20 || byte == rubout) {
    on_control(byte, listener);
  } else {
    insert(byte);
  }
}

void LineEditor::on_control(char byte, Listener& listener) {
  switch (byte) {
    case '\n':
    case '\r':
      return finish(listener);
    case rubout:
    case control('H'):
      return erase(before(cursor_), cursor_);
    case control('A'):
      cursor_ = 0;
      return;
    case control('E'):
      cursor_ = text_.size();
      return;
    case control('B'):
      cursor_ = before(cursor_);
      return;
    case control('F'):
      cursor_ = after(cursor_);
      return;
    case control('K'):
      return erase(cursor_, text_.size());
    case control('U'):
      return erase(0, cursor_);
    case control('W'):
      return erase(word_before(cursor_), cursor_);
    case control('P'):
      return recall(recalled_ - 1);
    case control('N'):
      return recall(recalled_ + 1);
    case control('D'):
      if (text_.empty()) return listener.on_end();
      return erase(cursor_, after(cursor_));
    case '\t':
      return insert(' ');
    default:
      return;
  }
}

void LineEditor::on_escape(char byte) {
  if (escape_ == Escape::begun) {
    // ESC [ and ESC O begin the keys that we know; ESC and another key is one that we do not.
    escape_ = byte == '[' || byte == 'O' ? Escape::bracket : Escape::none;
  } else if (byte >= 0x40 && byte <= 0x7E) {
    escape_ = Escape::none;
    on_sequence(byte);
  } else if (parameters_.size() < 8) {
    parameters_ += byte;
  }
}

void LineEditor::on_sequence(char final) {
  switch (final) {
    case 'A':
      return recall(recalled_ - 1);
    case 'B':
      return recall(recalled_ + 1);
    case 'C':
      cursor_ = after(cursor_);
      return;
    case 'D':
      cursor_ = before(cursor_);
      return;
    case 'H':
      cursor_ = 0;
      return;
    case 'F':
      cursor_ = text_.size();
      return;
    case '~':
      if (parameters_ == "1" || parameters_ == "7") cursor_ = 0;
      if (parameters_ == "4" || parameters_ == "8") cursor_ = text_.size();
      if (parameters_ == "3") erase(cursor_, after(cursor_));
      return;
    default:
      return;
  }
}

/// Only whole characters get into the line.
void LineEditor::insert(char byte) {
  const bool continues = (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
  if (!continues) partial_.clear();
  partial_ += byte;
  if (utf8_sequence_length(partial_) == 0) {
    if (partial_.size() >= 4) partial_.clear();
    return;
  }
  if (text_.size() + partial_.size() <= most_bytes) {
    text_.insert(cursor_, partial_);
    cursor_ += partial_.size();
  }
  partial_.clear();
}

void LineEditor::finish(Listener& listener) {
  if (!text_.empty() && (past_.empty() || past_.back() != text_)) past_.push_back(text_);
  if (past_.size() > most_past) past_.erase(past_.begin());
  recalled_ = past_.size();
  cursor_ = 0;
  partial_.clear();
  listener.on_line(std::exchange(text_, {}));
}

/// One before the first wraps around to a number that is no position either.
void LineEditor::recall(std::size_t position) {
  if (position > past_.size()) return;
  recalled_ = position;
  text_ = position == past_.size() ? std::string() : past_[position];
  cursor_ = text_.size();
}

std::size_t LineEditor::before(std::size_t position) const {
  if (position == 0) return 0;
  --position;
  while (position > 0 && (static_cast<unsigned char>(text_[position]) & 0xC0) == 0x80) --position;
  return position;
}

std::size_t LineEditor::after(std::size_t position) const {
  if (position >= text_.size()) return text_.size();
  return position + utf8_sequence_length(std::string_view(text_).substr(position));
}

std::size_t LineEditor::word_before(std::size_t position) const {
  while (position > 0 && text_[position - 1] == ' ') --position;
  while (position > 0 && text_[position - 1] != ' ') --position;
  return position;
}

void LineEditor::erase(std::size_t from, std::size_t to) {
  text_.erase(from, to - from);
  cursor_ = from;
}

std::string LineEditor::draw(std::string_view prompt, int columns) const {
  // The last column stays free: a terminal may go to the next row when it is written.
  const int room = std::max(columns - columns_of(prompt) - 1, 1);
  std::size_t begin = cursor_;
  int left = 0;  // columns between begin and the cursor
  while (begin > 0) {
    const std::size_t further = before(begin);
    const int wide = columns_of(std::string_view(text_).substr(further, begin - further));
    if (left + wide > room) break;
    left += wide;
    begin = further;
  }
  std::size_t end = cursor_;
  int right = 0;
  while (end < text_.size()) {
    const std::size_t further = after(end);
    const int wide = columns_of(std::string_view(text_).substr(end, further - end));
    if (left + right + wide > room) break;
    right += wide;
    end = further;
  }
  std::string out = "\r\x1B[K";
  out += prompt;
  out += std::string_view(text_).substr(begin, end - begin);
  if (right > 0) out += "\x1B[" + std::to_string(right) + "D";
  return out;
}

}  // namespace babilu::peer
