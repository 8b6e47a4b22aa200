// UDPTL for a fax machine of the tests (ITU-T T.38 clause 9.1): written here from the
// Recommendation, as the gateway relays it without looking. One thread; views live as long as the
// datagram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

namespace causeway::fax_end {

// Adds the two packets before to each one, as redundancy.
class UdptlSender {
 public:
  // A datagram with that IFP packet, of 1 to 16,383 octets.
  [[nodiscard]] std::vector<std::uint8_t> next(std::span<const std::uint8_t> ifp);

 private:
  std::uint16_t sequence_ = 0;
  std::deque<std::vector<std::uint8_t>> before_;  // the latest first
};

// Gives each IFP packet once and in order, one that was lost out of the redundancy of a later
// datagram.
class UdptlReceiver {
 public:
  using Take = std::function<void(std::span<const std::uint8_t> ifp, std::uint16_t sequence)>;
  // False: it is no UDPTL.
  [[nodiscard]] bool receive(std::span<const std::uint8_t> datagram, const Take& take);
  [[nodiscard]] int repaired() const { return repaired_; }

 private:
  std::uint16_t expected_ = 0;
  int repaired_ = 0;
};

}  // namespace causeway::fax_end
