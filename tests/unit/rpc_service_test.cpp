// Mistakes in a table of services are found where it is made.
#include <gtest/gtest.h>

#include "core/rpc/service.h"
#include "core/wire/envelope.pb.h"

namespace babilu::rpc {
namespace {

task<Reply> handle(Call&) {
  co_return Reply::of({});
}

/// What is said against it; empty when nothing is.
template <class Work>
std::string complaint(Work work) {
  try {
    work();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "";
}

TEST(ServiceTable, FindsWhatWasAdded) {
  ServiceTable table;
  table.offer(1, "echo", 3);
  table.add({0x0101, "echo.Echo"}, handle);
  table.add({0x0102, "echo.Other"}, handle);
  ASSERT_NE(table.find(0x0102), nullptr);
  EXPECT_STREQ(table.find(0x0102)->traits.name, "echo.Other");
  EXPECT_EQ(table.find(0x0103), nullptr);
  wire::Hello hello;
  table.describe(hello);
  ASSERT_EQ(hello.services_size(), 1);
  EXPECT_EQ(hello.services(0).name(), "echo");
  EXPECT_EQ(hello.services(0).revision(), 3u);
}

TEST(ServiceTable, SaysWhatCostsMoreThanAnEcho) {
  ServiceTable table;
  table.offer(1, "echo", 1);
  table.offer(3, "identity", 1);
  table.add({0x0101, "echo.Echo"}, handle);
  table.add({0x0303, "identity.Verify", MethodKind::idempotent, 16}, handle);
  table.add({0x0301, "identity.Login", MethodKind::mutating, 2}, handle);
  wire::Hello hello;
  table.describe(hello);
  ASSERT_EQ(hello.services_size(), 2);
  EXPECT_EQ(hello.services(0).costs_size(), 0);
  ASSERT_EQ(hello.services(1).costs_size(), 2);
  EXPECT_EQ(hello.services(1).costs(0).method(), 1u);
  EXPECT_EQ(hello.services(1).costs(0).cost(), 2u);
  EXPECT_EQ(hello.services(1).costs(1).method(), 3u);
  EXPECT_EQ(hello.services(1).costs(1).cost(), 16u);
}

TEST(ServiceTable, ARepeatedMethodIsRefused) {
  ServiceTable table;
  table.offer(1, "echo", 1);
  table.add({0x0101, "echo.Echo"}, handle);
  EXPECT_EQ(complaint([&] { table.add({0x0101, "echo.Other"}, handle); }),
            "methods echo.Echo and echo.Other have the same id, 0x0101");
  EXPECT_STREQ(table.find(0x0101)->traits.name, "echo.Echo");
}

TEST(ServiceTable, AMethodIsOfAServiceThatIsOffered) {
  ServiceTable table;
  table.offer(1, "echo", 1);
  EXPECT_EQ(complaint([&] { table.add({0x0201, "registry.SignUp"}, handle); }),
            "method registry.SignUp (0x0201) is of service 2, which is not offered");
  EXPECT_EQ(complaint([&] { table.add({0x0101, "echo.Echo"}, nullptr); }),
            "method echo.Echo has no handler");
}

TEST(ServiceTable, AServiceIsOfferedOnce) {
  ServiceTable table;
  table.offer(1, "echo", 1);
  EXPECT_EQ(complaint([&] { table.offer(1, "registry", 1); }),
            "service registry (1) cannot be offered beside service echo (1)");
  EXPECT_EQ(complaint([&] { table.offer(2, "echo", 1); }),
            "service echo (2) cannot be offered beside service echo (1)");
}

TEST(ServiceTable, KnowsWhetherRepliesHaveToBeKept) {
  ServiceTable table;
  table.offer(1, "echo", 1);
  table.add({0x0101, "echo.Echo", MethodKind::idempotent}, handle);
  EXPECT_FALSE(table.has_mutating());
  table.add({0x0102, "echo.Keep", MethodKind::mutating}, handle);
  EXPECT_TRUE(table.has_mutating());
}

}  // namespace
}  // namespace babilu::rpc
