#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>

#include "core/runtime/signals.h"
#include "tools/babilu/exit_code.h"
#include "tools/babilu/program.h"

namespace {

/// Started with a standard stream closed (`babilu chat <&-`), a program would get its number for
/// the next file or connection that it opens, and write an error message into that. What stands in
/// for it can be used as little: nobody means to sign an input that is not there, and what is
/// written nowhere has told nobody.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int main(int count, char** arguments) {
  babilu::hold_signals();
  open_standard_streams();
  try {
    return babilu::cli::run_program({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "babilu: %s\n", error.what());
    return to_int(babilu::cli::ExitCode::internal);
  }
}
