#include "core/base/private_file.h"

#include <sys/stat.h>

namespace babilu {

std::optional<std::string> open_to_everybody(const std::filesystem::path& secret) {
  struct stat status{};
  if (::stat(secret.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  if ((status.st_mode & (S_IROTH | S_IWOTH)) == 0) return std::nullopt;
  return "any user of this machine may read or change it; chmod 600 " + secret.string() +
         ", and replace what is in it if somebody has read it";
}

}  // namespace babilu
