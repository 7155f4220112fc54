#pragma once

#include "tools/babilu/invocation.h"

/// The subcommands. Each reads what it was given, does it, and gives the exit code.
namespace babilu::cli {

// demo.cpp, servers.cpp, certificates.cpp, bots.cpp
int demo(Invocation& invocation);
int proxy(Invocation& invocation);
int backend(Invocation& invocation);
int certificates_init(Invocation& invocation);
int bots(Invocation& invocation);

// accounts.cpp
int signup(Invocation& invocation);
int login(Invocation& invocation);
int whoami(Invocation& invocation);

// vault.cpp
int encrypt(Invocation& invocation);
int decrypt(Invocation& invocation);
int sign(Invocation& invocation);
int verify(Invocation& invocation);

// peer_command.cpp, chat.cpp
int peer_listen(Invocation& invocation);
int peer_forget(Invocation& invocation);
int chat(Invocation& invocation);

}  // namespace babilu::cli
