#include "rtp/rtcp.h"

#include <algorithm>
#include <cstring>

#include "rtp/bytes.h"

namespace causeway::rtp {
namespace {

constexpr std::size_t kHeader = 8;  // with the first SSRC
constexpr std::size_t kSenderInfo = 20;
constexpr std::size_t kReport = 24;
constexpr std::size_t kMaxReports = 31;

}  // namespace

bool RtcpReader::next(RtcpItem& out) {
  if (rest_.empty() || malformed_) return false;
  malformed_ = true;
  if (rest_.size() < 4) return false;
  const unsigned first = get8(rest_.data());
  const std::size_t bytes = 4 * (std::size_t{get16(&rest_[2])} + 1);
  if (first >> 6 != 2 || bytes > rest_.size()) return false;
  std::size_t useful = bytes;
  if (first & 0x20) {
    if (bytes != rest_.size()) return false;  // only the last packet may be padded
    const std::size_t pad = get8(&rest_[bytes - 1]);
    if (pad == 0 || pad % 4 != 0 || pad > bytes - 4) return false;
    useful -= pad;
  }
  malformed_ = false;
  out.type = get8(&rest_[1]);
  out.count = static_cast<std::uint8_t>(first & 0x1f);
  out.ssrc = useful >= kHeader ? get32(&rest_[4]) : 0;
  out.bytes = rest_.first(useful);
  rest_ = rest_.subspan(bytes);
  return true;
}

std::optional<SenderInfo> RtcpItem::sender_info() const {
  if (!is(RtcpType::kSenderReport) || bytes.size() < kHeader + kSenderInfo) return std::nullopt;
  const std::byte* p = &bytes[kHeader];
  return SenderInfo{std::uint64_t{get32(p)} << 32 | get32(p + 4), get32(p + 8), get32(p + 12),
                    get32(p + 16)};
}

std::size_t RtcpItem::reports() const {
  std::size_t head = kHeader;
  if (is(RtcpType::kSenderReport))
    head += kSenderInfo;
  else if (!is(RtcpType::kReceiverReport))
    return 0;
  if (bytes.size() < head) return 0;
  return std::min<std::size_t>(count, (bytes.size() - head) / kReport);
}

ReportBlock RtcpItem::report(std::size_t i) const {
  const std::byte* p =
      &bytes[kHeader + (is(RtcpType::kSenderReport) ? kSenderInfo : 0) + i * kReport];
  const std::uint32_t lost = get32(p + 4);
  // 24-bit two's complement
  const auto cumulative = static_cast<std::int32_t>(lost << 8) >> 8;
  return {get32(p),      static_cast<std::uint8_t>(lost >> 24),
          cumulative,    get32(p + 8),
          get32(p + 12), get32(p + 16),
          get32(p + 20)};
}

std::string_view RtcpItem::cname() const {
  if (!is(RtcpType::kSdes) || count == 0) return {};
  for (std::size_t at = kHeader; at + 2 <= bytes.size();) {
    const unsigned item = get8(&bytes[at]);
    const std::size_t length = get8(&bytes[at + 1]);
    if (item == 0 || at + 2 + length > bytes.size()) break;
    if (item == 1 && length != 0) return {reinterpret_cast<const char*>(&bytes[at + 2]), length};
    at += 2 + length;
  }
  return {};
}

bool valid_compound(std::span<const std::byte> compound) {
  RtcpReader reader(compound);
  RtcpItem item;
  if (!reader.next(item)) return false;
  if (!item.is(RtcpType::kSenderReport) && !item.is(RtcpType::kReceiverReport)) return false;
  if (item.bytes.size() < kHeader || (item.is(RtcpType::kSenderReport) && !item.sender_info()))
    return false;
  if (item.reports() != item.count) return false;
  while (reader.next(item)) {
  }
  return !reader.malformed();
}

std::byte* RtcpWriter::begin(RtcpType type, std::size_t count, std::size_t bytes) {
  if (out_.size() - size_ < bytes) {
    ok_ = false;
    return nullptr;
  }
  std::byte* p = out_.data() + size_;
  put8(p, 0x80 | static_cast<unsigned>(count));
  put8(p + 1, static_cast<unsigned>(type));
  put16(p + 2, static_cast<unsigned>(bytes / 4 - 1));
  size_ += bytes;
  return p;
}

void RtcpWriter::reports(std::byte* p, std::span<const ReportBlock> blocks) {
  for (const ReportBlock& b : blocks) {
    put32(p, b.ssrc);
    const std::int32_t lost = std::clamp(b.cumulative_lost, -0x800000, 0x7fffff);
    put32(p + 4,
          std::uint32_t{b.fraction_lost} << 24 | (static_cast<std::uint32_t>(lost) & 0xffffff));
    put32(p + 8, b.highest_sequence);
    put32(p + 12, b.jitter);
    put32(p + 16, b.last_sr);
    put32(p + 20, b.delay_since_sr);
    p += kReport;
  }
}

void RtcpWriter::sender_report(std::uint32_t ssrc, const SenderInfo& info,
                               std::span<const ReportBlock> blocks) {
  blocks = blocks.first(std::min(blocks.size(), kMaxReports));
  std::byte* p = begin(RtcpType::kSenderReport, blocks.size(),
                       kHeader + kSenderInfo + blocks.size() * kReport);
  if (!p) return;
  put32(p + 4, ssrc);
  put32(p + 8, static_cast<std::uint32_t>(info.ntp >> 32));
  put32(p + 12, static_cast<std::uint32_t>(info.ntp));
  put32(p + 16, info.rtp_timestamp);
  put32(p + 20, info.packets);
  put32(p + 24, info.octets);
  reports(p + kHeader + kSenderInfo, blocks);
}

void RtcpWriter::receiver_report(std::uint32_t ssrc, std::span<const ReportBlock> blocks) {
  blocks = blocks.first(std::min(blocks.size(), kMaxReports));
  std::byte* p = begin(RtcpType::kReceiverReport, blocks.size(), kHeader + blocks.size() * kReport);
  if (!p) return;
  put32(p + 4, ssrc);
  reports(p + kHeader, blocks);
}

void RtcpWriter::sdes(std::uint32_t ssrc, std::string_view cname) {
  cname = cname.substr(0, 255);
  const std::size_t text = 2 + cname.size();
  const std::size_t padded = (text + 1 + 3) / 4 * 4;  // at least one zero ends the chunk
  std::byte* p = begin(RtcpType::kSdes, 1, kHeader + padded);
  if (!p) return;
  put32(p + 4, ssrc);
  put8(p + 8, 1);
  put8(p + 9, static_cast<unsigned>(cname.size()));
  if (!cname.empty()) std::memcpy(p + 10, cname.data(), cname.size());
  std::memset(p + kHeader + text, 0, padded - text);
}

void RtcpWriter::bye(std::uint32_t ssrc) {
  if (std::byte* p = begin(RtcpType::kBye, 1, kHeader)) put32(p + 4, ssrc);
}

std::uint64_t ntp_time(std::int64_t unix_micros) {
  constexpr std::uint64_t kFrom1900To1970 = 2'208'988'800;
  const auto us = static_cast<std::uint64_t>(unix_micros);
  return (us / 1'000'000 + kFrom1900To1970) << 32 | ((us % 1'000'000) << 32) / 1'000'000;
}

}  // namespace causeway::rtp
