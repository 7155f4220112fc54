#include "core/crypto/random.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <botan/rng.h>
#include <botan/system_rng.h>
#include <sys/mman.h>

#include "core/crypto/secret.h"

namespace babilu::crypto {

namespace {

/// A page that is zero again in a forked child, and not part of a core dump.
class ForkWipedPage {
 public:
  static constexpr std::size_t size = 4096;

  ForkWipedPage() noexcept {
    void* const page =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return;
    if (::madvise(page, size, MADV_WIPEONFORK) != 0) {
      ::munmap(page, size);
      return;
    }
    ::madvise(page, size, MADV_DONTDUMP);
    address_ = page;
  }

  ~ForkWipedPage() {
    if (address_ == nullptr) return;
    wipe({static_cast<std::uint8_t*>(address_), size});
    ::munmap(address_, size);
  }

  ForkWipedPage(const ForkWipedPage&) = delete;
  ForkWipedPage& operator=(const ForkWipedPage&) = delete;

  /// Null where the kernel cannot give such a page.
  void* address() const noexcept { return address_; }

 private:
  void* address_ = nullptr;
};

class PooledKernelRandom final : public Random {
 public:
  std::string name() const override { return "pooled kernel generator"; }
  bool accepts_input() const override { return false; }
  bool is_seeded() const override { return true; }

  void clear() override {
    if (Pool* const pool = this->pool()) {
      wipe(pool->bytes);
      pool->left = 0;
    }
  }

 private:
  // Zero bytes, as in a fresh page or in a forked child's, mean an empty pool.
  struct Pool {
    std::uint32_t left;
    std::array<std::uint8_t, 1024> bytes;
  };
  static_assert(sizeof(Pool) <= ForkWipedPage::size);

  Pool* pool() const noexcept { return static_cast<Pool*>(page_.address()); }

  void fill_bytes_with_input(std::span<std::uint8_t> out, ByteView /*not accepted*/) override {
    Pool* const pool = this->pool();
    if (pool == nullptr || out.size() > pool->bytes.size() / 4) {
      Botan::system_rng().randomize(out);
      return;
    }
    if (pool->left < out.size()) {
      pool->left = 0;  // stays empty should the kernel fail
      Botan::system_rng().randomize(pool->bytes);
      pool->left = static_cast<std::uint32_t>(pool->bytes.size());
    }
    const MutableByteView taken{pool->bytes.data() + (pool->left - out.size()), out.size()};
    std::copy(taken.begin(), taken.end(), out.begin());
    wipe(taken);
    pool->left -= static_cast<std::uint32_t>(out.size());
  }

  ForkWipedPage page_;
};

}  // namespace

Random& system_random() {
  thread_local PooledKernelRandom random;
  return random;
}

void fill_random(Random& random, MutableByteView out) {
  random.randomize(out);
}

}  // namespace babilu::crypto
