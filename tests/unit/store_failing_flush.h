#pragma once

#include <sqlite3.h>

#include <atomic>

namespace babilu::store {

/// So many flushes of write-ahead logs fail from now on.
inline std::atomic<int> flushes_to_fail{0};

/// While it is there: SQLite's own file functions, except that a flush of the write-ahead log can
/// be made to fail. A COMMIT then leaves its bytes in the log and reports an error all the same.
class FailingFlush {
 public:
  FailingFlush() {
    real_ = sqlite3_vfs_find(nullptr);
    failing_ = *real_;
    failing_.zName = "failing-flush";
    failing_.xOpen = open;
    sqlite3_vfs_register(&failing_, 1);
  }
  ~FailingFlush() {
    sqlite3_vfs_register(real_, 1);
    sqlite3_vfs_unregister(&failing_);
    flushes_to_fail = 0;
  }

 private:
  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    const int result = real_->xOpen(real_, name, file, flags, out_flags);
    if (result != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0) return result;
    methods_ = *file->pMethods;
    real_sync_ = file->pMethods->xSync;
    methods_.xSync = sync;
    file->pMethods = &methods_;
    return result;
  }
  static int sync(sqlite3_file* file, int flags) {
    if (flushes_to_fail == 0) return real_sync_(file, flags);
    --flushes_to_fail;
    return SQLITE_IOERR_FSYNC;
  }

  static inline sqlite3_vfs* real_ = nullptr;
  static inline sqlite3_io_methods methods_{};
  static inline int (*real_sync_)(sqlite3_file*, int) = nullptr;
  sqlite3_vfs failing_{};
};

}  // namespace babilu::store
