// Captures as pcapng: decrypted SIP, and RTP when the configuration permits, wrapped into UDP
// packets that never were on the wire. Builds bytes, opens no file; any thread, one writer each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.h"
#include "base/time.h"
#include "telemetry/trail.h"

namespace causeway::telemetry {

class PcapngWriter {
 public:
  // Starts the section. `application` is written into its header.
  explicit PcapngWriter(std::string_view application);

  // One interface per realm, named after it; made at first use. Payloads beyond 65,000 bytes are
  // cut. `lost`: so many bytes at the end of the payload are not there any more; the packet is then
  // one of its true length of which the capture has less.
  void packet(std::string_view realm, WallTime at, const Endpoint& from, const Endpoint& to,
              std::span<const std::byte> payload, std::string_view comment = {},
              std::size_t lost = 0);
  // A SIP message, masked; one that a trail had to cut is written as a packet that was cut.
  void message(std::string_view realm, WallTime at, bool outgoing, const Endpoint& local,
               const Endpoint& remote, std::string_view text, std::string comment);
  // The messages of a trail; `realm_of` is asked with the local endpoint of each.
  template <typename F>
  void trail(const Trail& t, F realm_of) {
    for (const Event* e : t.events()) {
      if (e->message.empty()) continue;
      const bool in = e->kind == EventKind::kMessageIn;
      message(realm_of(e->local), e->at, !in, e->local, e->remote, e->message, comment_of(t, *e));
    }
  }

  // What was built since the last take(); append it to the file.
  [[nodiscard]] std::vector<std::byte> take();

 private:
  // With every a=crypto line named a=masked: what reads captures gives up a message whose key is
  // stars, and would take media that is written decrypted for encrypted.
  [[nodiscard]] static std::string readable(std::string_view message);
  [[nodiscard]] static std::string comment_of(const Trail& t, const Event& e);
  [[nodiscard]] std::uint32_t interface_of(std::string_view realm);
  void block(std::uint32_t type, std::span<const std::byte> body);

  std::vector<std::byte> out_;
  std::map<std::string, std::uint32_t, std::less<>> interfaces_;
  std::uint16_t ip_id_ = 0;
};

}  // namespace causeway::telemetry
