#include "core/store/open_files.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include <sys/stat.h>

namespace babilu::store {

namespace {

constexpr std::uint64_t note_magic = 0x31'45'54'4F'4E'42'42'42;  // "BBBNOTE1"

/// What the lock file says of the database beside it.
struct Note {
  std::uint64_t magic = 0;
  std::uint64_t settled = 0;    ///< 0 while somebody writes into the database
  FileId lock_file;             ///< that the note is in: a copy of it says nothing
  std::array<char, 40> boot{};  ///< times and sizes are kept by the kernel that runs
  FileId database;
  FileId log;
  std::int64_t changed_at = 0;  ///< in nanoseconds since 1970
  std::int64_t size = 0;
};
static_assert(sizeof(Note) <= TurnLock::note_bytes);

FileId id_of(const struct stat& status) {
  return {.device = status.st_dev, .inode = status.st_ino};
}

std::array<char, 40> this_boot() {
  std::array<char, 40> id{};
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  file.read(id.data(), id.size() - 1);
  return id;
}

Note describe(const std::filesystem::path& path, FileId lock_file) {
  static const std::array<char, 40> boot = this_boot();
  Note note{.magic = note_magic, .settled = 1, .lock_file = lock_file, .boot = boot};
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return note;
  note.database = id_of(status);
  note.log = file_at(path.string() + "-wal");
  note.changed_at = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  note.size = status.st_size;
  return note;
}

std::optional<Note> note_in(const std::array<std::byte, sizeof(Note)>& bytes, FileId lock_file) {
  Note note;
  std::memcpy(&note, bytes.data(), sizeof note);
  if (note.magic != note_magic || note.lock_file != lock_file) return std::nullopt;
  return note;
}

std::optional<Note> read_note(const TurnLock& turn) {
  std::array<std::byte, sizeof(Note)> bytes{};
  return turn.read_note(bytes) ? note_in(bytes, turn.file()) : std::nullopt;
}

std::optional<Note> peek_note(const std::filesystem::path& lock_file) {
  std::array<std::byte, sizeof(Note)> bytes{};
  const FileId file = TurnLock::peek_note(lock_file, bytes);
  return file.exists() ? note_in(bytes, file) : std::nullopt;
}

/// Where a path leads to, also where nothing is there yet.
std::filesystem::path follow_links(std::filesystem::path path) {
  std::error_code error;
  for (int links = 0; links < 40; ++links) {
    const auto target = std::filesystem::read_symlink(path, error);
    if (error) return path;
    path = path.parent_path() / target;  // which an absolute one replaces
  }
  return path;
}

void write_note(TurnLock& turn, const Note& note) {
  std::array<std::byte, sizeof(Note)> bytes{};
  std::memcpy(bytes.data(), &note, sizeof note);
  turn.write_note(bytes);
}

bool same_database(const Note& before, const Note& now) {
  if (before.database != now.database) return false;
  if (before.boot != now.boot || now.boot[0] == '\0') return true;
  return before.changed_at == now.changed_at && before.size == now.size;
}

/// Not by a time alone that a file system rounds, or tells otherwise a moment later.
bool clearly_changed(const Note& before, const Note& now) {
  constexpr std::int64_t rounding = 2'000'000'000;
  if (same_database(before, now)) return false;
  return before.size != now.size || std::abs(before.changed_at - now.changed_at) > rounding;
}

StoreError was_overwritten(const std::string& name) {
  return {ErrorCode::replaced,
          "database file " + name +
              " was written by another program while it was open: nothing is written any more. "
              "End every process that uses it; what its next start then says tells how to go on"};
}

bool has_nothing_in(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) != 0 || status.st_size == 0;
}

}  // namespace

OpenFiles::OpenFiles(std::filesystem::path path)
    : path_(std::move(path)), file_(follow_links(path_)) {}

FileId file_at(const std::filesystem::path& path) noexcept {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? id_of(status) : FileId{};
}

std::filesystem::path OpenFiles::beside(const char* suffix) const {
  return file_.string() + suffix;
}

OpenFiles::Found OpenFiles::look() const noexcept {
  return {file_at(path_), file_at(beside("-wal")), file_at(beside("-shm"))};
}

StoreResult<void> OpenFiles::may_open(const TurnLock& turn) const {
  const auto note = read_note(turn);
  if (!note) return {};
  const Note now = describe(file_, turn.file());
  const std::string name = file_.string();
  if (!turn.alone()) {
    if (overwritten()) return was_overwritten(name);
    if (note->database == now.database && note->log == now.log) return {};
    return StoreError(ErrorCode::replaced,
                      "database " + name +
                          ": a process that runs has another file open that was here before: put "
                          "that file back, or end those processes first");
  }
  if (note->settled == 0 || has_nothing_in(beside("-wal")) || same_database(*note, now)) return {};
  return StoreError(ErrorCode::replaced,
                    "database " + name +
                        (now.database.exists() ? ": was replaced or changed by another program"
                                               : ": is missing") +
                        ", but " + name +
                        "-wal beside it is the log of the file that was here before, and would "
                        "undo that. To keep a restored file, move " +
                        name + "-wal and " + name +
                        "-shm away; if the log does belong to it, remove " + name + ".lock");
}

void OpenFiles::opened(TurnLock& turn) {
  opened_ = look();
  write_note(turn, describe(file_, turn.file()));
  turn.flush_note();
}

std::optional<StoreError> OpenFiles::changed() const {
  const Found now = look();
  if (now == opened_) {
    return overwritten() ? std::optional(was_overwritten(path_.string())) : std::nullopt;
  }
  const bool moved = now.database != opened_.database;
  const std::string name = (moved ? path_ : file_).string() + (moved                    ? ""
                                                               : now.log != opened_.log ? "-wal"
                                                                                        : "-shm");
  const bool there = moved                    ? now.database.exists()
                     : now.log != opened_.log ? now.log.exists()
                                              : now.index.exists();
  return StoreError(ErrorCode::replaced,
                    "database file " + name + " was " + (there ? "replaced" : "moved or removed") +
                        " while it was open: nothing is written any more. Put back what was there, "
                        "or end every process that uses it before it is replaced");
}

/// Two notes that are the same mean that nobody of ours wrote meanwhile.
bool OpenFiles::overwritten() const {
  const auto before = peek_note(lock_file());
  if (!before || before->settled == 0) return false;
  const Note now = describe(file_, before->lock_file);
  if (now.database != before->database || !clearly_changed(*before, now)) return false;
  const auto after = peek_note(lock_file());
  return after && after->settled != 0 && same_database(*before, *after);
}

bool OpenFiles::may_checkpoint() const {
  // What it would make of both is neither.
  if (overwritten()) return false;
  const Found now = look();
  const bool same_database = now.database == opened_.database;
  const bool same_log = now.log == opened_.log;
  // Together they can be put back as they are; a log that nobody can find any more cannot.
  if (same_database) return same_log || !now.log.exists();
  return !same_log;
}

void OpenFiles::will_write(TurnLock& turn) const {
  Note note = describe(file_, turn.file());
  note.settled = 0;
  write_note(turn, note);
}

void OpenFiles::has_written(TurnLock& turn) const {
  if (!changed()) write_note(turn, describe(file_, turn.file()));
}

}  // namespace babilu::store
