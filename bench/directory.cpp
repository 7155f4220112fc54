#include "bench/directory.h"

#include <cstdlib>

#include "core/crypto/random.h"
#include "core/tls/certificates.h"

namespace babilu::bench {

Directory::Directory() {
  std::string name = std::filesystem::temp_directory_path() / "babilu-bench-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = name;
}

Directory::~Directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path Directory::make_certificates() const {
  const auto made = path_ / "certificates";
  if (auto error = tls::create_development_certificates(
          {.directory = made}, crypto::system_random(), std::chrono::system_clock::now())) {
    throw std::runtime_error(error->to_string());
  }
  return made;
}

}  // namespace babilu::bench
