#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace babilu {

/// What is wrong with keeping a secret in this file, and what to do: any user of the machine may
/// read or change it. Nothing when only its owner and its group may, when it is no regular file (a
/// pipe has a reader of its own), or when there is none. The group is for whoever runs a service
/// that does not own its files.
std::optional<std::string> open_to_everybody(const std::filesystem::path& secret);

}  // namespace babilu
