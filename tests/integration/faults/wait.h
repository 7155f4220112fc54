#pragma once

#include "tests/integration/support/stack.h"

namespace babilu::testing {

/// Kills it with SIGKILL, and waits until it is gone.
void kill(Process& process);

/// Links between the proxy and its backends that are up, as the proxy sees it.
int links_up(const Stack& stack);
/// Waits until there are so many.
bool wait_for_links(const Stack& stack, std::size_t count);

/// Waits until a stopped backend has been sent requests that it did not see any more. (What it had
/// before may be answered already, and the answer not yet read.)
bool is_sent_more(const Stack& stack, std::size_t backend);

/// Waits until a backend has answered some requests more.
bool takes_load(const Stack& stack, std::size_t backend);
/// The same of all backends together: where it does not matter which one.
bool takes_load(const Stack& stack);

}  // namespace babilu::testing
