#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <termios.h>

#include "roles/peer/terminal/line_editor.h"

namespace babilu::peer {

/// What a line on the screen is.
enum class Style {
  message,  ///< what somebody says
  own,      ///< what one has said oneself
  answer,   ///< to a command
  notice,   ///< what happens
  alarm,    ///< what nobody may overlook
};

/// Where a Console shows things. Texts are harmless already; each call is one or more whole lines.
class Screen {
 public:
  virtual ~Screen() = default;
  virtual void show(Style style, std::string_view text) = 0;
  /// To whom the next line goes; empty: nobody.
  virtual void talk_to(std::string_view name) = 0;
  /// A person sits in front of it, and sees what they type.
  virtual bool interactive() const noexcept = 0;
};

/// For pipes and files: messages and answers to standard output, everything else to standard
/// error, each call in one write, at once. Own lines are not repeated.
class PlainScreen final : public Screen {
 public:
  void show(Style style, std::string_view text) override;
  void talk_to(std::string_view) override {}
  bool interactive() const noexcept override { return false; }
};

/// A terminal with a prompt on its last row, which stays below all that is shown, with what has
/// been typed so far. Standard input and output must be the terminal.
///
/// While it is held, echo and line editing are ours, and pastes come marked. Somebody else has the
/// terminal while this process is in the background or stopped: then it is left as it is, and what
/// is shown goes out plainly. The destructor gives it back. Colours unless NO_COLOR is set.
class TerminalScreen final : public Screen {
 public:
  /// Holds nothing yet.
  TerminalScreen();
  ~TerminalScreen() override;

  /// Takes the terminal if this process is in the foreground, again if it has been held: whoever
  /// had it meanwhile may have changed it. Else lets go of it.
  void take();
  /// Gives the terminal back as it was.
  void give_back();
  bool held() const noexcept { return held_; }

  void show(Style style, std::string_view text) override;
  void talk_to(std::string_view name) override;
  bool interactive() const noexcept override { return true; }

  /// Keys as they come from the terminal; redraws the prompt.
  void type(std::string_view bytes, LineEditor::Listener& listener);
  /// Draws the prompt anew, as when the terminal has another size.
  void redraw(std::string_view above = {});

 private:
  std::string clear_drawing(int columns) const;
  std::string coloured(Style style, std::string_view text) const;

  const bool colours_;
  bool held_ = false;
  std::optional<termios> before_;
  std::string prompt_ = "> ";
  LineEditor editor_;
  LineEditor::Drawing drawn_;  ///< what is on the last row
  int drawn_on_ = 0;           ///< in so many columns
};

}  // namespace babilu::peer
