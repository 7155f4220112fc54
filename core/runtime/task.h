#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/result.hpp>

namespace babilu {

/// The executor of every coroutine: concrete, so that no operation pays for type erasure.
using Executor = boost::asio::io_context::executor_type;

/// A coroutine of the framework. Runs on one Runtime and never leaves its thread.
template <class T = void>
using task = boost::asio::awaitable<T, Executor>;

using boost::system::error_code;

/// An expected failure as a value: the result, or why there is none.
template <class T>
using Result = boost::system::result<T>;

}  // namespace babilu
