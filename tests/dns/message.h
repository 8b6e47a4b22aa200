// Writes DNS answers for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace causeway::testing {

class DnsMessage {
 public:
  DnsMessage(std::uint16_t id, int rcode, std::string_view question, std::uint16_t type) {
    u16(id);
    u16(static_cast<std::uint16_t>(0x8180 | rcode));
    for (const int n : {1, 0, 0, 0}) u16(static_cast<std::uint16_t>(n));
    name(question);
    u16(type);
    u16(1);
  }
  // `data` is the record's; section 0 answers, 1 authority.
  DnsMessage& record(std::string_view owner, std::uint16_t type, std::uint32_t ttl,
                     std::string_view data, int section = 0) {
    ++bytes[7 + 2 * static_cast<std::size_t>(section)];
    name(owner);
    u16(type);
    u16(1);
    u16(static_cast<std::uint16_t>(ttl >> 16));
    u16(static_cast<std::uint16_t>(ttl));
    u16(static_cast<std::uint16_t>(data.size()));
    bytes.append(data);
    return *this;
  }
  static std::string number(std::uint16_t v) {
    return {static_cast<char>(v >> 8), static_cast<char>(v & 0xff)};
  }
  static std::string wire_name(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      const auto label = text.substr(0, text.find('.'));
      out += static_cast<char>(label.size());
      out += label;
      text.remove_prefix(std::min(text.size(), label.size() + 1));
    }
    return out + '\0';
  }
  static std::string srv(std::uint16_t priority, std::uint16_t weight, std::uint16_t port,
                         std::string_view target) {
    return number(priority) + number(weight) + number(port) + wire_name(target);
  }
  static std::string soa(std::uint32_t minimum) {
    return wire_name("ns.example") + wire_name("admin.example") + std::string(16, '\0') +
           number(static_cast<std::uint16_t>(minimum >> 16)) +
           number(static_cast<std::uint16_t>(minimum));
  }
  void u16(std::uint16_t v) { bytes += number(v); }
  void name(std::string_view text) {
    // "@12" writes a pointer to offset 12.
    if (text.starts_with('@'))
      u16(static_cast<std::uint16_t>(0xc000 | std::stoi(std::string(text.substr(1)))));
    else
      bytes += wire_name(text);
  }
  std::string bytes;
};

}  // namespace causeway::testing
