// The main of a fuzz target in ordinary builds, with any compiler: runs each input that is checked
// in, and mutations of it that are the same each time.
//
//   fuzz_NAME [--mutations=N] FILE_OR_FOLDER...
#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <unistd.h>

#include "tests/fuzz/fuzz.h"

/// Of AddressSanitizer, where it is in the program.
// NOLINTNEXTLINE(bugprone-reserved-identifier): its name
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using babilu::Bytes;
namespace fs = std::filesystem;

struct Sample {
  fs::path file;
  Bytes bytes;
};

/// What runs now; kept when it ends the program.
const Bytes* running = nullptr;

void keep_finding() {
  if (running == nullptr) return;
  static const char name[] = "fuzz-finding";
  std::FILE* const file = std::fopen(name, "wb");
  if (file == nullptr) return;
  std::fwrite(running->data(), 1, running->size(), file);
  std::fclose(file);
  std::fprintf(stderr, "the input is in %s/%s; give it to this program to run it again\n",
               fs::current_path().c_str(), name);
  running = nullptr;
}

void on_abort(int signal) {
  keep_finding();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Bytes& input) {
  running = &input;
  LLVMFuzzerTestOneInput(input.data(), input.size());
  running = nullptr;
}

/// A small generator (Marsaglia's xorshift64): the standard's distributions differ by library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::size_t below(std::size_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return limit == 0 ? 0 : static_cast<std::size_t>((state_ >> 11) % limit);
  }

 private:
  std::uint64_t state_;
};

using Difference = std::ptrdiff_t;

void insert(Bytes& into, std::size_t at, Bytes what) {
  into.insert(into.begin() + static_cast<Difference>(at), what.begin(), what.end());
}

Bytes part_of(const Bytes& bytes, Random& random) {
  const std::size_t begin = random.below(bytes.size());
  const std::size_t size = random.below(std::min<std::size_t>(bytes.size() - begin, 64) + 1);
  const auto first = bytes.begin() + static_cast<Difference>(begin);
  return {first, first + static_cast<Difference>(size)};
}

void mutate_once(Bytes& bytes, const std::vector<Sample>& samples, Random& random) {
  static constexpr std::uint8_t edges[] = {0, 1, 0x7F, 0x80, 0xFF, '\n', '"', 0x1B};
  const std::size_t at = random.below(bytes.size());
  switch (bytes.empty() ? 4 : random.below(7)) {
    case 0:
      bytes[at] ^= static_cast<std::uint8_t>(1u << random.below(8));
      break;
    case 1:
      bytes[at] = edges[random.below(std::size(edges))];
      break;
    case 2:
      bytes[at] = static_cast<std::uint8_t>(random.below(256));
      break;
    case 3:
      bytes.resize(at);
      break;
    case 4:
      insert(bytes, at, Bytes(1 + random.below(8), edges[random.below(std::size(edges))]));
      break;
    case 5:
      insert(bytes, at, part_of(samples[random.below(samples.size())].bytes, random));
      break;
    default: {
      const std::size_t size = 1 + random.below(std::min<std::size_t>(bytes.size() - at, 16));
      const auto first = bytes.begin() + static_cast<Difference>(at);
      bytes.erase(first, first + static_cast<Difference>(size));
    }
  }
}

Sample read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {file, Bytes(std::istreambuf_iterator<char>(in), {})};
}

std::vector<Sample> read_all(const std::vector<fs::path>& places) {
  std::vector<Sample> samples;
  for (const fs::path& place : places) {
    if (!fs::is_directory(place)) {
      samples.push_back(read(place));
      continue;
    }
    for (const auto& entry : fs::directory_iterator(place)) samples.push_back(read(entry.path()));
  }
  std::ranges::sort(samples, {}, &Sample::file);
  return samples;
}

int replay(const std::vector<Sample>& samples, std::size_t mutations) {
  constexpr std::size_t most_changes = 5;
  constexpr std::size_t most_bytes = 64 * 1024;
  run({});
  for (std::size_t i = 0; i < samples.size(); ++i) {
    run(samples[i].bytes);
    Random random(i + 1);
    for (std::size_t count = 0; count < mutations; ++count) {
      Bytes bytes = samples[i].bytes;
      const std::size_t changes = 1 + random.below(most_changes);
      for (std::size_t change = 0; change < changes; ++change) mutate_once(bytes, samples, random);
      if (bytes.size() > most_bytes) bytes.resize(most_bytes);
      bytes.shrink_to_fit();
      run(bytes);
    }
  }
  std::printf("%zu inputs, %zu mutations of each\n", samples.size(), mutations);
  return samples.empty() ? 1 : 0;  // a folder that is not there would pass
}

}  // namespace

int main(int count, char** arguments) {
  constexpr std::string_view option = "--mutations=";
  std::size_t mutations = 0;
  std::vector<fs::path> places;
  for (const std::string_view argument :
       std::vector<std::string_view>(arguments + 1, arguments + count)) {
    if (argument.starts_with(option)) {
      const std::string_view value = argument.substr(option.size());
      std::from_chars(value.data(), value.data() + value.size(), mutations);
    } else {
      places.emplace_back(argument);
    }
  }
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_finding);
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL}) std::signal(signal, on_abort);
  return replay(read_all(places), mutations);
}
