// Loopback tests of the real reactor: turns until something holds, with a limit.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reactor/epoll_reactor.h"

namespace causeway::testing {

inline Endpoint endpoint(const char* text) { return *Endpoint::parse(text); }
inline std::string to_text(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}
inline std::span<const std::byte> to_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// False when it does not hold after ten seconds of the loop's own clock.
inline bool turn_until(reactor::EpollReactor& r, const std::function<bool()>& holds) {
  const Instant limit = r.now() + Seconds{10};
  while (!holds()) {
    if (r.now() > limit) return false;
    r.turn(Millis{50});
  }
  return true;
}

struct Peer final : reactor::StreamListener, reactor::AcceptListener {
  void on_connected(reactor::Stream&) override { connected = true; }
  void on_bytes(reactor::Stream& s, std::span<const std::byte> data) override {
    got += to_text(data);
    if (echo) s.write(to_text(data));
    if (pause_on_bytes) s.pause_reading(true);
    if (destroy_on_bytes) stream.reset();
  }
  void on_closed(reactor::Stream& s, const Error& reason) override {
    closed.push_back(reason);
    if (stream.get() == &s) stream.reset();
  }
  reactor::StreamListener* on_accepted(std::unique_ptr<reactor::Stream> s) override {
    if (refuse) return nullptr;
    stream = std::move(s);
    connected = true;
    return this;
  }
  void on_refused(const Endpoint&, const Error& reason) override { refused.push_back(reason); }
  std::unique_ptr<reactor::Acceptor> acceptor;
  std::unique_ptr<reactor::Stream> stream;
  bool connected = false, echo = false, refuse = false, destroy_on_bytes = false;
  bool pause_on_bytes = false;
  std::string got;
  std::vector<Error> closed, refused;
};

}  // namespace causeway::testing
