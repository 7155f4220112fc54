#include <cstdio>
#include <exception>

#include "tools/babilu/exit_code.h"
#include "tools/babilu/program.h"

int main(int count, char** arguments) {
  try {
    return babilu::cli::run_program({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "babilu: %s\n", error.what());
    return to_int(babilu::cli::ExitCode::internal);
  }
}
