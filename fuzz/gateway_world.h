// A whole gateway in the simulated world for fuzz targets: a caller over UDP and TCP, a called side
// that answers, and what must hold when everything is over. One object per input.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "call/gateway_shard.h"
#include "deployment/load.h"
#include "sip/build.h"
#include "sip/headers.h"
#include "world/sim_reactor.h"
#include "world/sim_resolver.h"
#include "world/world.h"

namespace causeway::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

class GatewayWorld final : public call::RecordSink, reactor::UdpListener, reactor::StreamListener {
 public:
  GatewayWorld()
      : resolver_(world_.shard(0), zone_), shard_(world_.shard(0), resolver_, load_, *this) {
    transport::Running running;
    running.deployment = deployment();
    require(shard_.apply(running).has_value(), "the configuration is taken");
    world_.network().set_default({.latency = Micros{1}});
    caller_ =
        std::move(*world_.host("caller").open_udp(*Endpoint::parse("10.1.0.1:5060"), {}, *this));
    callee_ =
        std::move(*world_.host("callee").open_udp(*Endpoint::parse("10.2.0.1:5060"), {}, *this));
  }

  // What the caller sends. In it @TAG@ stands for the To-tag of the last answer that it got.
  void datagram(std::string_view bytes) {
    caller_->send(kGateway, as_data(filled(bytes)));
    settle();
  }
  void stream(std::string_view bytes) {
    if (!stream_) {
      auto s = world_.host("caller").connect(*Endpoint::parse("10.1.0.1:0"), kGatewayTcp, {},
                                             nullptr, *this);
      if (!s) return;
      stream_ = std::move(*s);
      settle();
    }
    if (stream_) stream_->write(filled(bytes));
    settle();
  }
  // The called side answers the oldest request it has with what the input says: "180 Ringing",
  // headers, an empty line and a body; what is not in it is copied from the request.
  void reply(std::string_view text) {
    if (requests_.empty()) return;
    const auto m = sip::Message::parse(requests_.front());
    if (text.starts_with("2") || text.size() < 3) requests_.pop_front();
    if (!m) return;
    std::string out = "SIP/2.0 ";
    const std::size_t eol = std::min(text.find("\r\n"), text.size());
    out.append(text.substr(0, eol)).append("\r\n");
    for (const auto& f : m->headers()) {
      using sip::HeaderId;
      if (f.id != HeaderId::kVia && f.id != HeaderId::kFrom && f.id != HeaderId::kTo &&
          f.id != HeaderId::kCallId && f.id != HeaderId::kCSeq)
        continue;
      out.append(f.name).append(": ").append(f.value);
      if (f.id == HeaderId::kTo && f.value.find(";tag=") == std::string_view::npos) out += ";tag=c";
      out += "\r\n";
    }
    out.append(text.substr(std::min(eol + 2, text.size())));
    if (out.find("\r\n\r\n") == std::string::npos) out += "\r\n";
    callee_->send(kGatewayCore, as_data(out));
    settle();
  }
  // Any bytes from the called side.
  void from_callee(std::string_view bytes) {
    callee_->send(kGatewayCore, as_data(filled(bytes)));
    settle();
  }
  void wait(Millis time) { world_.run_for(time); }

  // Everything ends, nothing leaks, and the next request is answered.
  void finish() {
    stream_.reset();
    shard_.end_all_calls("the input is over");
    world_.run_for(Seconds(200));
    require(shard_.calls_now() == 0, "no call is left");
    require(shard_.transactions() == 0, "no transaction is left");
    require(shard_.media_stats().legs == 0, "no media leg is left");
    answers_ = 0;
    datagram(
        "OPTIONS sip:gw SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK-the-last\r\n"
        "From: <sip:a@h>;tag=l\r\nTo: <sip:gw>\r\nCall-ID: the-last\r\nCSeq: 1 OPTIONS\r\n\r\n");
    require(answers_ == 1, "the next request is answered once");
  }

 private:
  static deployment::DeploymentPtr deployment() {
    static const deployment::DeploymentPtr d = [] {
      deployment::LoadOptions options;
      options.check_files = false;
      auto loaded = deployment::load_text(kConfig, "fuzz.toml", options);
      require(loaded.deployment != nullptr, "the configuration is good");
      return loaded.deployment;
    }();
    return d;
  }
  static std::span<const std::byte> as_data(std::string_view s) {
    return std::as_bytes(std::span(s.data(), s.size()));
  }
  std::string filled(std::string_view bytes) const {
    std::string out(bytes.substr(0, 60'000));
    if (const auto at = out.find("@TAG@"); at != std::string::npos) out.replace(at, 5, tag_);
    return out;
  }
  void settle() { world_.run_for(Millis(2)); }

  void take(reactor::UdpSocket* at, std::string_view bytes) {
    // Whatever came in: what goes out is a good message.
    const auto m = sip::Message::parse(bytes);
    require(m.has_value(), "what is sent parses");
    if (m->is_request()) {
      const auto ok = sip::validate(*m);
      require(ok.has_value(), ok ? "" : ("what is sent is valid: " + ok.error().what).c_str());
      if (at == callee_.get() && m->method() != sip::Method::kAck && requests_.size() < 16)
        requests_.emplace_back(bytes);
      return;
    }
    ++answers_;
    if (const auto to = sip::parse_name_addr(m->value(sip::HeaderId::kTo))) tag_ = to->tag();
  }
  void on_datagram(reactor::UdpSocket& s, const Endpoint&, std::span<std::byte> data,
                   Instant) override {
    take(&s, {reinterpret_cast<const char*>(data.data()), data.size()});
  }
  void on_connected(reactor::Stream&) override {}
  void on_bytes(reactor::Stream&, std::span<const std::byte> data) override {
    inbox_.append(reinterpret_cast<const char*>(data.data()), data.size());
    for (;;) {
      const auto f = sip::find_frame(inbox_);
      require(f.has_value(), "what is sent can be framed");
      if (!*f) return;
      if ((*f)->length != 0)
        take(nullptr, std::string_view(inbox_).substr((*f)->skip, (*f)->length));
      inbox_.erase(0, (*f)->skip + (*f)->length);
    }
  }
  void on_closed(reactor::Stream&, const Error&) override {
    inbox_.clear();
    // The stream may not be destroyed from inside its own callback's owner chain before it returns.
    world_.after(Micros{0}, [this] { stream_.reset(); });
  }
  void on_call_record(const telemetry::CallRecord&) override {}

  static constexpr const char* kConfig = R"(
[operation]
control_socket = "/tmp/c.sock"
state_directory = "/tmp/c"
[emergency]
sos = ["112"]
[[region]]
name = "r"
[[realm]]
name = "a"
media_addresses = ["10.0.0.1"]
media_port_min = 20000
media_port_max = 20099
[[realm]]
name = "b"
media_addresses = ["10.0.0.2"]
media_port_min = 30000
media_port_max = 30099
[[listener]]
name = "a-udp"
realm = "a"
transport = "udp"
address = "10.0.0.1:5060"
[[listener]]
name = "a-tcp"
realm = "a"
transport = "tcp"
address = "10.0.0.1:5060"
[[listener]]
name = "b-udp"
realm = "b"
transport = "udp"
address = "10.0.0.2:5060"
[[peer_group]]
name = "caller"
region = "r"
realm = "a"
listener = "a-udp"
profile = "operator"
trusted = true
any_number = true
options_interval = "0s"
routes_to = ["callee"]
[peer_group.recognise]
listeners = ["a-udp", "a-tcp"]
sources = ["10.1.0.0/16"]
[[peer_group.peer]]
name = "caller-1"
host = "10.1.0.1"
port = 5060
[[peer_group]]
name = "callee"
region = "r"
realm = "b"
listener = "b-udp"
profile = "operator"
trusted = true
any_number = true
options_interval = "0s"
routes_to = ["caller"]
[[peer_group.peer]]
name = "callee-1"
host = "10.2.0.1"
port = 5060
)";
  inline static const Endpoint kGateway = *Endpoint::parse("10.0.0.1:5060");
  inline static const Endpoint kGatewayTcp = *Endpoint::parse("10.0.0.1:5060");
  inline static const Endpoint kGatewayCore = *Endpoint::parse("10.0.0.2:5060");

  world::World world_{1};
  world::Zone zone_;
  peers::SharedLoad load_;
  world::SimResolver resolver_;
  call::GatewayShard shard_;
  std::unique_ptr<reactor::UdpSocket> caller_, callee_;
  std::unique_ptr<reactor::Stream> stream_;
  std::string inbox_, tag_ = "none";
  std::deque<std::string> requests_;
  int answers_ = 0;
};

// The steps of an input: each begins with a line "@@X", X saying what kind it is.
template <typename F>
void each_step(std::string_view input, F&& f) {
  for (int n = 0; n < 24 && !input.empty(); ++n) {
    const std::size_t end = std::min(input.find("@@", 2), input.size());
    std::string_view step = input.substr(0, end);
    input.remove_prefix(end);
    char kind = 0;
    if (step.starts_with("@@") && step.size() > 2) {
      kind = step[2];
      step.remove_prefix(step.size() > 3 && step[3] == '\n' ? 4 : 3);
    }
    f(kind, step);
  }
}

}  // namespace causeway::fuzz
