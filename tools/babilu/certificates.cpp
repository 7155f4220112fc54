// certificates init: credentials of a whole stack, for development.
#include "core/tls/certificates.h"
#include "core/base/standard_streams.h"

#include <fmt/format.h>

#include "core/crypto/random.h"
#include "tools/babilu/answer.h"
#include "tools/babilu/commands.h"

namespace babilu::cli {

namespace {

constexpr auto footer =
    "Makes all of it or nothing; what exists is not touched without --renew, and then the master\n"
    "key and the admin token stay.\n"
    "  babilu certificates init\n"
    "  babilu certificates init /etc/babilu --host proxy.example.org --host 192.0.2.7";

void tell(const std::filesystem::path& directory) {
  const std::string at = directory.string();
  print(fmt::format(
      "{0}/ca.pem               for clients: --ca, or BABILU_CA\n"
      "{0}/proxy, {0}/backend   for the processes of each role, with ca.pem\n"
      "{0}/vault/master.key     for backends: --master-key-file; all keys are sealed with it\n"
      "{0}/admin/token          for the admin endpoints: --admin-token-file\n"
      "{0}/authority/key.pem    for no service: keep it away from them\n",
      at));
}

}  // namespace

int certificates_init(Invocation& invocation) {
  tls::DevelopmentCertificates wanted;
  std::string directory;
  invocation.argument("DIRECTORY", directory, "what to make; default: certificates",
                      Invocation::Presence::optional);
  invocation.options().option("host", wanted.hosts,
                              "a host that the services are reached by, beside localhost; "
                              "may be repeated");
  invocation.options().option("renew", wanted.renew,
                              "replace what is there by a new authority and new certificates");
  invocation.footer(footer);
  if (const auto code = invocation.resolve()) return *code;

  wanted.directory = directory.empty() ? "certificates" : directory;
  const auto problem = tls::create_development_certificates(wanted, crypto::system_random(),
                                                            std::chrono::system_clock::now());
  if (problem) {
    print_error(fmt::format("{}: {}\n", invocation.name(), problem->to_string()));
    return to_int(ExitCode::refused);
  }
  tell(wanted.directory);
  return to_int(ExitCode::done);
}

}  // namespace babilu::cli
