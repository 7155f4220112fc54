#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/crypto/signature.h"
#include "core/rpc/status.h"
#include "core/runtime/task.h"
#include "core/store/store.h"

namespace babilu::peer {

/// One person's file: name, identity, contacts, messages. Several processes may have it open.
///
/// The identity's seed lies in it as it is: the file is readable by its owner alone (0600).
struct Profile {
  std::filesystem::path path;
  std::string name;
  crypto::KeyPair keys;
  std::unique_ptr<store::Store> store;
};

enum class IfMissing { make, refuse };

/// Opens the profile at `path`, or makes one for `name`, with a new identity, unless it is to
/// `refuse` that. An empty `name` takes the profile as it is, and makes none. Blocks for some
/// milliseconds: for start-up.
/// Errors: name_invalid, no_profile, other_profile (the file is somebody else's), profile (what
/// Store::open says about the file).
task<rpc::Outcome<std::unique_ptr<Profile>>> open_profile(Runtime& runtime,
                                                          std::filesystem::path path,
                                                          std::string name,
                                                          IfMissing if_missing = IfMissing::make);

/// ${XDG_DATA_HOME}/babilu/NAME.db, by default ~/.local/share/babilu/NAME.db; makes the directory
/// (0700). Errors: name_invalid, profile.
rpc::Outcome<std::filesystem::path> default_profile_path(std::string_view name);

}  // namespace babilu::peer
