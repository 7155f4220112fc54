#include "core/store/transaction.h"

#include <array>
#include <limits>
#include <string>

#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

using namespace std::chrono_literals;

enum class Colour : std::uint8_t { red = 1, blue = 200 };

constexpr Migration steps[] = {
    {.version = 1,
     .sql = "create table all_types (id integer primary key, i integer, r real, t text, b blob);"
            "create table named (name text primary key) strict;"}};
constexpr Schema schema{.name = "types", .migrations = steps};

class TransactionTest : public testing::Test {
 protected:
  TransactionTest() {
    StoreOptions options = options_for(directory / "db");
    options.schemas = {schema};
    store = open_store(options);
  }

  /// What a unit throws comes back as an error; a test inside a unit needs it to be thrown.
  template <class F>
  StoreResult<void> run(F unit) {
    return store::write(*store, [unit](Transaction& transaction) {
      unit(transaction);
      return commit();
    });
  }
  template <class F>
  ErrorCode failure(F unit) {
    const auto result = run(unit);
    EXPECT_TRUE(result.has_error());
    return result ? ErrorCode::internal : result.error().code;
  }

  TemporaryDirectory directory;
  std::unique_ptr<Store> store;
};

template <class T>
T there_and_back(Transaction& transaction, const char* column, const T& value) {
  transaction.execute("delete from all_types");
  transaction.execute("insert into all_types (id, " + std::string(column) + ") values (1, ?)",
                      value);
  return *transaction.find<T>("select " + std::string(column) + " from all_types where id = 1");
}

TEST_F(TransactionTest, IntegersKeepEveryBit) {
  run([](Transaction& tx) {
    for (const std::int64_t value :
         {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
          std::numeric_limits<std::int64_t>::max()}) {
      EXPECT_EQ(there_and_back(tx, "i", value), value);
    }
    const auto largest = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(there_and_back(tx, "i", largest), largest);
    EXPECT_EQ(there_and_back(tx, "i", std::uint32_t{4'000'000'000}), 4'000'000'000);
    EXPECT_EQ(there_and_back(tx, "i", true), true);
    EXPECT_EQ(there_and_back(tx, "i", Colour::blue), Colour::blue);
    EXPECT_EQ(there_and_back(tx, "r", 0.1), 0.1);
    EXPECT_EQ(there_and_back(tx, "i", WallTime(1'700'000'000'123ms)),
              WallTime(1'700'000'000'123ms));
  }).value();
}

TEST_F(TransactionTest, TextsKeepEveryByte) {
  run([](Transaction& tx) {
    const std::string odd("a\0b\xff\xfe", 5);
    EXPECT_EQ(there_and_back(tx, "t", odd), odd);
    EXPECT_EQ(there_and_back(tx, "t", std::string()), "");
    EXPECT_EQ(*tx.find<std::string>("select typeof(t) from all_types"), "text");
    const std::string large(300'000, 'x');
    EXPECT_EQ(there_and_back(tx, "t", large), large);
  }).value();
}

TEST_F(TransactionTest, NoBytesAreNotNull) {
  run([](Transaction& tx) {
    EXPECT_EQ(there_and_back(tx, "b", Bytes{}), Bytes{});
    EXPECT_EQ(*tx.find<std::string>("select typeof(b) from all_types"), "blob");
    EXPECT_EQ(there_and_back(tx, "b", std::optional<Bytes>()), std::nullopt);
    EXPECT_EQ(*tx.find<std::string>("select typeof(b) from all_types"), "null");
    EXPECT_EQ(there_and_back(tx, "b", std::optional<Bytes>(Bytes{0, 255})), (Bytes{0, 255}));
    const Secret secret{1, 0, 2};
    EXPECT_EQ(there_and_back(tx, "b", secret), secret);
    const std::array<std::uint8_t, 4> array{1, 2, 3, 4};
    EXPECT_EQ(there_and_back(tx, "b", array), array);
  }).value();
}

TEST_F(TransactionTest, RowsOfSeveralColumns) {
  run([](Transaction& tx) {
    for (int id = 1; id <= 3; ++id) {
      EXPECT_EQ(tx.execute("insert into all_types (id, t) values (?, ?)", id, "row"), 1);
    }
    int expected = 0;
    for (const auto& [id, text] :
         tx.query<int, std::string>("select id, t from all_types order by id")) {
      EXPECT_EQ(id, ++expected);
      EXPECT_EQ(text, "row");
    }
    EXPECT_EQ(expected, 3);
    EXPECT_EQ(tx.execute("update all_types set t = ? where id > ?", "new", 1), 2);
    EXPECT_FALSE(tx.find<int>("select id from all_types where id = ?", 99));
    EXPECT_EQ(tx.query<int>("select id from all_types where id = 99"), std::vector<int>{});
  }).value();
}

TEST_F(TransactionTest, ValuesOfAnotherTypeAreNotConverted) {
  run([](Transaction& tx) {
    tx.execute("insert into all_types (id, i, t, b) values (1, 300, '12', x'0102')");
    const auto refuses = [](auto read) {
      try {
        read();
        return false;
      } catch (const DatabaseError& error) {
        return error.code() == ErrorCode::corrupt;
      }
    };
    EXPECT_TRUE(refuses([&] { return tx.find<int>("select t from all_types"); }));
    EXPECT_TRUE(refuses([&] { return tx.find<std::string>("select b from all_types"); }));
    EXPECT_TRUE(refuses([&] { return tx.find<Bytes>("select t from all_types"); }));
    EXPECT_TRUE(refuses([&] { return tx.find<int>("select r from all_types"); }));
    EXPECT_TRUE(refuses([&] { return tx.find<std::uint8_t>("select i from all_types"); }));
    EXPECT_TRUE(
        refuses([&] { return tx.find<std::array<std::uint8_t, 3>>("select b from all_types"); }));
    EXPECT_EQ(tx.find<std::uint16_t>("select i from all_types"), 300);
  }).value();
}

TEST_F(TransactionTest, BrokenConstraintIsAnErrorOrCaught) {
  run([](Transaction& tx) { tx.execute("insert into named values ('ada')"); }).value();
  EXPECT_EQ(failure([](Transaction& tx) { tx.execute("insert into named values ('ada')"); }),
            ErrorCode::constraint);
  run([](Transaction& tx) {
    EXPECT_THROW(tx.execute("insert into named values ('ada')"), DatabaseError);
    tx.execute("insert into named values ('bob')");
  }).value();
  EXPECT_EQ(
      read(*store,
           [](Snapshot& s) { return s.query<std::string>("select name from named order by name"); })
          .value(),
      (std::vector<std::string>{"ada", "bob"}));
}

TEST_F(TransactionTest, MistakesInStatementsAreBugs) {
  EXPECT_EQ(failure([](Transaction& tx) { tx.execute("insert into nowhere values (1)"); }),
            ErrorCode::internal);
  EXPECT_THROW(run([](Transaction& tx) { tx.execute("delete from named; delete from named"); }),
               std::logic_error);
  EXPECT_THROW(run([](Transaction& tx) { tx.execute("delete from named where name = ?"); }),
               std::logic_error);
  EXPECT_THROW(run([](Transaction& tx) { tx.execute(""); }), std::logic_error);
}

TEST_F(TransactionTest, ValuesDoNotBecomeStatements) {
  run([](Transaction& tx) {
    tx.execute("insert into named values (?)", "'); drop table named; --");
    EXPECT_EQ(tx.find<int>("select count(*) from named"), 1);
  }).value();
}

TEST_F(TransactionTest, ErrorsDoNotRepeatValues) {
  const auto result = run([](Transaction& tx) {
    tx.execute("insert into named values (?)", "marker-5512");
    tx.execute("insert into named values (?)", "marker-5512");
  });
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().to_string().find("marker-5512"), std::string::npos);
}

TEST_F(TransactionTest, MoreStatementsThanAreKept) {
  run([](Transaction& tx) {
    for (int i = 0; i < 2000; ++i) {
      EXPECT_EQ(tx.find<int>("select " + std::to_string(i) + " + ?", 1), i + 1);
    }
  }).value();
}

TEST_F(TransactionTest, ReadersCannotWrite) {
  const auto result = read(*store, [](Snapshot& s) {
    return s.find<int>("insert into named values ('eve') returning 1").value_or(0);
  });
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, ErrorCode::read_only);
}

}  // namespace
}  // namespace babilu::store
