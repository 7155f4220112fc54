#include "core/config/result.h"

namespace babilu::config {

std::string Error::message() const {
  std::string text;
  if (!where.empty()) text += where + ": ";
  if (!key.empty()) text += key + ": ";
  text += problem;
  if (!expected.empty()) text += ", expected " + expected;
  if (!hint.empty()) text += "; " + hint;
  return text;
}

std::string Result::error_text() const {
  std::string text;
  for (const Error& error : errors) text += error.message() + "\n";
  return text;
}

}  // namespace babilu::config
