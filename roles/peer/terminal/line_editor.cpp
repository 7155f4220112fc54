#include "roles/peer/terminal/line_editor.h"

#include <algorithm>
#include <cwchar>
#include <utility>

#include "core/base/harmless.h"

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

/// What stands for one character of the line on the terminal.
std::string shown(std::string_view character) {
  if (character == "\n") return "␤";
  if (character == "\t") return " ";
  std::string out;
  append_harmless(out, character);
  return out;
}

/// There must be room beside it, or it would wrap and be drawn again on each row.
std::string fitted(std::string_view prompt, int columns) {
  const int most = std::max(columns - 20, columns / 2);
  if (columns_of(prompt) <= most) return std::string(prompt);
  std::string out;
  int used = 2;
  while (!prompt.empty()) {
    const std::string_view character = first_character(prompt);
    used += columns_of(character);
    if (used > most) break;
    out += character;
    prompt.remove_prefix(character.size());
  }
  return most < 2 ? std::string() : out + "… ";
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
  } else if (pasting_) {
    on_pasted(byte);
  } else if (value < 0x20 || byte == rubout) {
    on_control(byte, listener);
  } else {
    insert(byte);
  }
}

/// Terminals send a return for each line break; some leave what was copied as it is.
void LineEditor::on_pasted(char byte) {
  const bool continues = std::exchange(after_return_, byte == '\r') && byte == '\n';
  if (byte == '\r' || byte == '\n') {
    if (!continues) insert('\n');
  } else if (byte == '\t' || (static_cast<unsigned char>(byte) >= 0x20 && byte != rubout)) {
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
      cursor_ = line_.text.size();
      return;
    case control('B'):
      cursor_ = before(cursor_);
      return;
    case control('F'):
      cursor_ = after(cursor_);
      return;
    case control('K'):
      return erase(cursor_, line_.text.size());
    case control('U'):
      return erase(0, cursor_);
    case control('W'):
      return erase(word_before(cursor_), cursor_);
    case control('P'):
      return recall(recalled_ - 1);
    case control('N'):
      return recall(recalled_ + 1);
    case control('D'):
      if (line_.text.empty()) return listener.on_end();
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
  if (pasting_) {
    if (final == '~' && parameters_ == "201") pasting_ = false;
    return;
  }
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
      cursor_ = line_.text.size();
      return;
    case '~':
      if (parameters_ == "200") pasting_ = true;
      if (parameters_ == "1" || parameters_ == "7") cursor_ = 0;
      if (parameters_ == "4" || parameters_ == "8") cursor_ = line_.text.size();
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
  if (line_.text.size() + partial_.size() <= most_bytes) {
    if (cursor_ == 0) line_.pasted = pasting_;
    has_paste_ = has_paste_ || pasting_;
    line_.text.insert(cursor_, partial_);
    cursor_ += partial_.size();
  } else {
    line_.too_long = true;
  }
  partial_.clear();
}

void LineEditor::finish(Listener& listener) {
  while (has_paste_ && line_.text.ends_with('\n')) line_.text.pop_back();
  const bool again = !past_.empty() && past_.back().text == line_.text;
  if (!line_.text.empty() && !line_.too_long && !again) past_.push_back(line_);
  if (past_.size() > most_past) past_.erase(past_.begin());
  recalled_ = past_.size();
  cursor_ = 0;
  partial_.clear();
  has_paste_ = false;
  listener.on_line(std::exchange(line_, {}));
}

/// One before the first wraps around to a number that is no position either.
void LineEditor::recall(std::size_t position) {
  if (position > past_.size()) return;
  recalled_ = position;
  line_ = position == past_.size() ? Line() : past_[position];
  has_paste_ = line_.pasted;
  cursor_ = line_.text.size();
}

std::size_t LineEditor::before(std::size_t position) const {
  if (position == 0) return 0;
  --position;
  while (position > 0 && (static_cast<unsigned char>(line_.text[position]) & 0xC0) == 0x80)
    --position;
  return position;
}

std::size_t LineEditor::after(std::size_t position) const {
  if (position >= line_.text.size()) return line_.text.size();
  return position + utf8_sequence_length(std::string_view(line_.text).substr(position));
}

std::size_t LineEditor::word_before(std::size_t position) const {
  while (position > 0 && line_.text[position - 1] == ' ') --position;
  while (position > 0 && line_.text[position - 1] != ' ') --position;
  return position;
}

/// What comes first now may have been pasted. A line that was too long stays so until all of it is
/// gone: something is missing in it.
void LineEditor::erase(std::size_t from, std::size_t to) {
  line_.text.erase(from, to - from);
  cursor_ = from;
  if (line_.text.empty()) {
    line_ = {};
    has_paste_ = false;
  } else if (from == 0 && to > 0) {
    line_.pasted = has_paste_;
  }
}

LineEditor::Drawing LineEditor::draw(std::string_view whole_prompt, int columns) const {
  const std::string prompt = fitted(whole_prompt, columns);
  const std::string_view text = line_.text;
  // The last column stays free: a terminal may go to the next row when it is written.
  const int room = std::max(columns - columns_of(prompt) - 1, 1);
  std::string before_cursor;
  std::size_t begin = cursor_;
  int left = 0;  // columns between begin and the cursor
  while (begin > 0) {
    const std::size_t further = before(begin);
    const std::string character = shown(text.substr(further, begin - further));
    if (left + columns_of(character) > room) break;
    left += columns_of(character);
    before_cursor.insert(0, character);
    begin = further;
  }
  std::string behind_cursor;
  std::size_t end = cursor_;
  int right = 0;
  while (end < text.size()) {
    const std::size_t further = after(end);
    const std::string character = shown(text.substr(end, further - end));
    if (left + right + columns_of(character) > room) break;
    right += columns_of(character);
    behind_cursor += character;
    end = further;
  }
  Drawing drawing{"\r\x1B[K" + prompt + before_cursor + behind_cursor, columns_of(prompt) + left,
                  columns_of(prompt) + left + right};
  if (right > 0) drawing.text += "\x1B[" + std::to_string(right) + "D";
  return drawing;
}

}  // namespace babilu::peer
