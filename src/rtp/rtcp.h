// RTCP (RFC 3550 6): walking a compound packet and writing one. Pure, any thread; nothing
// allocates; views live as long as the packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace causeway::rtp {

enum class RtcpType : std::uint8_t {
  kSenderReport = 200,
  kReceiverReport = 201,
  kSdes = 202,
  kBye = 203,
  kApp = 204,
  kTransportFeedback = 205,
  kPayloadFeedback = 206,
  kExtendedReport = 207,
};

struct ReportBlock {
  std::uint32_t ssrc = 0;              // of the source that is reported on
  std::uint8_t fraction_lost = 0;      // of 256
  std::int32_t cumulative_lost = 0;    // 24 bits on the wire
  std::uint32_t highest_sequence = 0;  // extended
  std::uint32_t jitter = 0;            // RTP clock units
  std::uint32_t last_sr = 0;           // middle 32 bits of its NTP time
  std::uint32_t delay_since_sr = 0;    // 1/65536 s
  friend bool operator==(const ReportBlock&, const ReportBlock&) = default;
};

struct SenderInfo {
  std::uint64_t ntp = 0;
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
  friend bool operator==(const SenderInfo&, const SenderInfo&) = default;
};

// One packet of a compound.
struct RtcpItem {
  std::uint8_t type = 0;             // RtcpType, or a type that we do not know
  std::uint8_t count = 0;            // reports, chunks or sources
  std::uint32_t ssrc = 0;            // first word after the header; 0 when there is none
  std::span<const std::byte> bytes;  // with the header, without padding

  [[nodiscard]] bool is(RtcpType t) const { return type == static_cast<std::uint8_t>(t); }
  [[nodiscard]] std::optional<SenderInfo> sender_info() const;  // sender reports
  [[nodiscard]] std::size_t reports() const;                    // that are really there
  [[nodiscard]] ReportBlock report(std::size_t i) const;        // i < reports()
  [[nodiscard]] std::string_view cname() const;                 // of the first SDES chunk
};

class RtcpReader {
 public:
  explicit RtcpReader(std::span<const std::byte> compound) : rest_(compound) {}
  // False at the end or at a packet that is not well formed; then malformed() tells which.
  [[nodiscard]] bool next(RtcpItem& out);
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  std::span<const std::byte> rest_;
  bool malformed_ = false;
};

// Every part well formed and the first one a report (RFC 3550 A.2; reduced-size RTCP is not
// offered).
[[nodiscard]] bool valid_compound(std::span<const std::byte> compound);

// Appends packets to a buffer. What does not fit is left out and makes ok() false.
class RtcpWriter {
 public:
  explicit RtcpWriter(std::span<std::byte> out) : out_(out) {}
  void sender_report(std::uint32_t ssrc, const SenderInfo& info,
                     std::span<const ReportBlock> reports);  // at most 31
  void receiver_report(std::uint32_t ssrc, std::span<const ReportBlock> reports);
  void sdes(std::uint32_t ssrc, std::string_view cname);  // at most 255 bytes
  void bye(std::uint32_t ssrc);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::byte* begin(RtcpType type, std::size_t count, std::size_t bytes);
  void reports(std::byte* at, std::span<const ReportBlock> blocks);
  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

// 64-bit NTP time (seconds since 1900, fraction) of a wall clock in µs since 1970.
[[nodiscard]] std::uint64_t ntp_time(std::int64_t unix_micros);
[[nodiscard]] constexpr std::uint32_t middle(std::uint64_t ntp) {
  return static_cast<std::uint32_t>(ntp >> 16);
}

}  // namespace causeway::rtp
