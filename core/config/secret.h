#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/config/option.h"

namespace babilu::config {

/// A password, token or key: read from a file, or from a variable; never from a command line or
/// from the configuration file itself, never printed.
struct SecretSource {
  std::filesystem::path file;  // a default for it, then the one in use; empty: none
  Secret value;                // empty: none
};

class SecretOption final : public Option {
 public:
  /// `key` with "_file" after it is the option's key; without, its secret variable.
  SecretOption(std::string key, SecretSource& bound, std::string help);

  std::string secret_variable() const override;
  std::string expected() const override;
  std::string note() const override { return "a file; or the variable " + secret_variable(); }
  void stage_preset() override;
  std::optional<Problem> stage(const RawValue& raw) override;
  void stage_secret(std::string_view value) override;
  bool staged_is_valid() const override { return true; }
  std::optional<Problem> complete(Pipes pipes) override;
  void swap() noexcept override;
  std::string print_staged() const override;

 private:
  SecretSource& bound_;
  std::filesystem::path preset_;
  SecretSource staged_;
};

}  // namespace babilu::config
