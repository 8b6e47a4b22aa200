// HMAC-SHA1 with one key over many short messages. Not thread safe; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace causeway::rtp {

// kPrecomputed keeps the hash state after each padded key block: two compressions less for each
// packet. It needs SHA-1 calls that OpenSSL 3 deprecates; kPortable uses EVP_MAC alone and gives
// the same.
enum class HmacVariant : std::uint8_t { kPrecomputed, kPortable };

class HmacSha1 {
 public:
  static constexpr std::size_t kBytes = 20;

  HmacSha1(std::span<const std::uint8_t> key, HmacVariant variant);
  ~HmacSha1();
  HmacSha1(HmacSha1&&) noexcept;
  HmacSha1& operator=(HmacSha1&&) noexcept;

  // The tag of first || second. False when the library fails (nothing is written then).
  [[nodiscard]] bool compute(std::span<const std::byte> first, std::span<const std::byte> second,
                             std::span<std::uint8_t, kBytes> out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::rtp
