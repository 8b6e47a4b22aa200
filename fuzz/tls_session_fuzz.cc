// What arrives through TLS, handshake and all: a session of ours as server or client is fed any
// bytes, or those of a real peer that the input cuts, changes and repeats. Whatever comes, it ends
// or waits; what it says is bounded; what it lets through is framed as SIP.
//
// The first byte says who we are (bit 0: the client) and what we are fed (bit 1: a real peer). Any
// bytes: pieces, each behind its length. A real peer: eight changes of three bytes (where, how,
// what), then what the peer says once it is connected.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "reactor/test_certificates.h"
#include "reactor/tls_session.h"
#include "sip/message.h"

using namespace causeway;
using reactor::TlsContext;
using reactor::TlsSession;

namespace {

constexpr std::size_t kChanges = 8, kMaxOutput = 1 << 20, kMaxTurns = 64;

void require(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const TlsContext> context() {
  static const auto made = [] {
    static testing::TestAuthority authority("fuzz root");
    testing::CertificateRequest request;
    request.dns_names = {"sip.example"};
    auto loaded = TlsContext::load(authority.issue(request));
    require(loaded.has_value());
    return *loaded;
  }();
  return made;
}

struct End {
  explicit End(bool client) {
    const Endpoint remote{IpAddress::v4(0x7f000001), 5061};
    session = client ? TlsSession::client({context(), "sip.example"}, remote)
                     : TlsSession::server(context(), remote);
    require(session != nullptr);
  }
  void go_on() {
    if (over) return;
    if (!connected) {
      const auto step = session->handshake();
      connected = step == TlsSession::Step::kDone;
      over = step == TlsSession::Step::kFailed;
      if (over) require(!session->failure().what.empty());
      if (!connected) return;
      (void)session->peer();
    }
    std::byte room[1500];
    for (int n; !over;) {
      n = session->read(room);
      require(n <= static_cast<int>(sizeof room));
      if (n <= 0) {
        over = n < 0;
        return;
      }
      plain.append(reinterpret_cast<const char*>(room), static_cast<std::size_t>(n));
      require(plain.size() <= kMaxOutput);
    }
  }
  void feed(std::string_view bytes) {
    if (!over) session->feed(std::as_bytes(std::span(bytes)));
    go_on();
  }
  std::string output() {
    std::string out;
    session->take_output(out);
    require(out.size() <= kMaxOutput);
    return out;
  }
  std::unique_ptr<TlsSession> session;
  bool connected = false, over = false;
  std::string plain;
};

void frame(std::string_view stream) {
  sip::FrameFinder finder;
  while (!stream.empty()) {
    const auto f = finder.find(stream);
    if (!f || !*f) return;
    const std::size_t taken = (*f)->skip + (*f)->length;
    require(taken > 0 && taken <= stream.size());
    if ((*f)->length != 0) (void)sip::Message::parse(stream.substr((*f)->skip, (*f)->length));
    stream.remove_prefix(taken);
  }
}

void any_bytes(bool client, std::string_view input) {
  End us(client);
  us.go_on();
  (void)us.output();
  while (!input.empty()) {
    const std::size_t length = static_cast<unsigned char>(input[0]);
    input.remove_prefix(1);
    us.feed(input.substr(0, length));
    (void)us.output();
    input.remove_prefix(std::min(length, input.size()));
  }
  us.session->close_notify();
  (void)us.output();
}

void change(std::string& bytes, std::string_view how) {
  if (bytes.empty()) return;
  const std::size_t at = static_cast<unsigned char>(how[0]) * 5U % bytes.size();
  const char what = how[2];
  switch (static_cast<unsigned char>(how[1]) % 6) {
    case 1: bytes[at] = static_cast<char>(bytes[at] ^ what); break;
    case 2: bytes.resize(at); break;
    case 3: bytes.insert(at, 1, what); break;
    case 4: bytes.append(bytes.substr(at)); break;
    case 5: bytes.erase(at, 1 + static_cast<unsigned char>(what) % 16U); break;
    default: break;
  }
}

void a_real_peer(bool client, std::string_view input) {
  if (input.size() < 3 * kChanges) return;
  End us(client), peer(!client);
  std::string_view said = input.substr(3 * kChanges);
  const std::string whole(said);
  us.go_on();
  peer.go_on();
  for (std::size_t turn = 0; turn < kMaxTurns; ++turn) {
    std::string to_us = peer.output();
    const std::string to_peer = us.output();
    if (to_us.empty() && to_peer.empty() && said.empty()) break;
    if (turn < kChanges) change(to_us, input.substr(3 * turn, 3));
    const std::size_t half = to_us.size() / 2;
    us.feed(std::string_view(to_us).substr(0, half));
    us.feed(std::string_view(to_us).substr(half));
    peer.feed(to_peer);
    if (peer.connected && !peer.over && !said.empty()) {
      (void)peer.session->write(said.substr(0, 700));
      said.remove_prefix(std::min<std::size_t>(said.size(), 700));
    }
  }
  // Nobody can put words into the peer's mouth.
  require(us.plain.size() <= whole.size() && whole.starts_with(us.plain));
  frame(us.plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool client = (data[0] & 1) != 0;
  if ((data[0] & 2) != 0)
    a_real_peer(client, input.substr(1));
  else
    any_bytes(client, input.substr(1));
  return 0;
}
