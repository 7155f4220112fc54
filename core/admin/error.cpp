#include "core/admin/error.h"

#include <string>

namespace babilu::admin {

namespace {

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "admin"; }
  std::string message(int value) const override {
    switch (static_cast<Error>(value)) {
      case Error::token_required:
        return "an admin endpoint that is not on a loopback address needs a token: configure one, "
               "or bind it to 127.0.0.1";
      case Error::token_empty:
        return "the admin token is empty";
      case Error::token_too_short:
        return "an admin endpoint that is not on a loopback address needs a token that nobody can "
               "guess, of 16 characters at least: make one with `openssl rand -hex 32`, or bind it "
               "to 127.0.0.1";
    }
    return "unknown error of the admin endpoint";
  }
};

}  // namespace

const boost::system::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

}  // namespace babilu::admin
