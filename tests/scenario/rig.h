// A whole gateway in the simulated world with scripted peers around it. A test writes messages with
// what matters in them; the rig fills in the rest. Every wait runs the world, never the clock of
// the machine. With `rebuild` each call is written down, destroyed and rebuilt at every stable
// point.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "call/gateway_shard.h"
#include "deployment/load.h"
#include "reactor/tls_context.h"
#include "world/sim_reactor.h"
#include "world/sim_resolver.h"
#include "world/world.h"

namespace causeway::scenario {

struct Mode {
  std::size_t shards = 1;
  bool rebuild = false;
  std::uint64_t seed = 1;
};

class Rig;

// One dialog as a scripted peer keeps it.
struct PeerDialog {
  std::string call_id, local, remote;  // From/To values with their tags
  std::string target;                  // Request-URI for requests
  std::vector<std::string> routes;
  int cseq = 1;
  std::string via_branch;
};

// A SIP neighbour with scripted behaviour: UDP, TCP or (simulated) TLS.
class Peer final : reactor::UdpListener, reactor::StreamListener, reactor::AcceptListener {
 public:
  Peer(Rig& rig, std::string name, const std::string& address, Transport transport,
       std::vector<std::string> certificate_names = {});
  ~Peer();

  // The next message of that kind ("INVITE", "180", "200 INVITE", "ACK"); earlier others stay
  // queued. Fails the test after `limit` of virtual time.
  sip::Message expect(const std::string& what, Micros limit = Seconds(10));
  [[nodiscard]] bool has(const std::string& what) const;
  [[nodiscard]] std::size_t count(const std::string& what) const;  // ever received
  // First line and named headers; Via, From, To, Call-ID, CSeq as given by `headers`.
  void send(const std::string& bytes);
  void reply(const sip::Message& request, int status, const std::string& headers = "",
             const std::string& sdp = "", const std::string& to_tag = "peer");
  // An INVITE to `user`, a tel URI or a URN; returns the dialog as far as it is known.
  PeerDialog invite(const std::string& user, const std::string& headers = "",
                    const std::string& sdp = "", const std::string& from = "+4930111");
  // A request within a dialog, as request() sends it; here it is not sent.
  std::string compose(PeerDialog& d, const std::string& method, const std::string& headers = "",
                      const std::string& sdp = "", int cseq = 0);
  // A request within a dialog.
  void request(PeerDialog& d, const std::string& method, const std::string& headers = "",
               const std::string& sdp = "", int cseq = 0);
  void ack(PeerDialog& d, const std::string& sdp = "");
  void ack_failure(PeerDialog& d, const sip::Message& response);  // within the INVITE's transaction
  // Completes a dialog from a response to our INVITE, or makes one from an INVITE that we answered.
  void learn(PeerDialog& d, const sip::Message& response);
  PeerDialog answered(const sip::Message& invite, const std::string& to_tag = "peer");

  // RTP. The socket opens at `port` of the peer's address.
  void open_rtp(std::uint16_t port);
  void send_rtp(const Endpoint& to, int packets, std::uint32_t ssrc = 0x1234,
                std::uint8_t fill = 0x55);
  void send_packet(const Endpoint& to, std::span<const std::byte> bytes);
  struct Rtp {
    Endpoint from;
    std::vector<std::uint8_t> bytes;
  };
  std::deque<Rtp> rtp;

  // Did this request come on a connection that this peer opened? (RFC 5923 would allow it, a
  // service may not.)
  [[nodiscard]] bool came_on_ours(const sip::Message& request) const;
  // The name that whoever opened the connection of this request wanted to see (SNI).
  [[nodiscard]] std::string asked_for(const sip::Message& request) const;

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] Endpoint endpoint() const { return at_; }
  std::vector<std::string> received;  // every message, as it came
  std::string last_request;           // the bytes that request() sent last
  std::vector<std::string>
      transcript;            // "> INVITE", "< 200 INVITE": what was received (<) and sent (>)
  std::string contact;       // of what this peer sends
  std::string gateway;       // "10.0.0.1:5060": where its requests go
  std::string request_host;  // host in Request-URIs
  bool silent = false;       // hears nothing
  bool broken = false;       // what it sends is: answers that repeat it are passed over
  int alive = 200;           // what it answers OPTIONS within a call by itself; 0: nothing

 private:
  struct Conn {
    std::unique_ptr<reactor::Stream> stream;
    std::string inbox;
    bool ours = false;
  };
  void on_datagram(reactor::UdpSocket& s, const Endpoint& from, std::span<std::byte> data,
                   Instant) override;
  void on_connected(reactor::Stream& s) override;
  void on_bytes(reactor::Stream& s, std::span<const std::byte> data) override;
  void on_closed(reactor::Stream& s, const Error& reason) override;
  reactor::StreamListener* on_accepted(std::unique_ptr<reactor::Stream> s) override;
  void on_refused(const Endpoint&, const Error&) override {}
  void take(std::string_view bytes, const Endpoint& from, reactor::Stream* via);
  void transmit(const std::string& bytes, reactor::Stream* via, const Endpoint& to);

  struct Got {
    sip::Message message;
    Endpoint from;
    reactor::Stream* via = nullptr;
  };
  Rig& rig_;
  world::SimReactor& host_;
  std::string name_, address_;
  Endpoint at_;
  Transport transport_;
  std::shared_ptr<const reactor::TlsContext> tls_;
  std::unique_ptr<reactor::UdpSocket> socket_, rtp_socket_;
  std::unique_ptr<reactor::Acceptor> acceptor_;
  std::vector<std::unique_ptr<Conn>> conns_;
  std::deque<Got> inbox_;
  std::map<std::string, std::size_t> counts_;
  std::map<std::string, std::pair<Endpoint, reactor::Stream*>> came_from_;  // by top Via branch
  std::string queued_;  // until our connection is up
  std::uint64_t serial_ = 0;
};

class Rig final : public call::RecordSink {
 public:
  // `config`: TOML; certificates of listeners are simulated with `gateway_names`.
  Rig(Mode mode, const std::string& config,
      std::vector<std::string> gateway_names = {"sbc.operator.example"});
  ~Rig();

  world::World world;
  world::Zone zone;
  std::vector<telemetry::CallRecord> records;
  std::set<std::string> routed_names;  // "contoso.sbc.example of Contoso called us"

  void run(Micros d);
  bool run_until(const std::function<bool()>& done, Micros limit);
  [[nodiscard]] call::GatewayShard& shard(std::size_t i) { return *shards_[i]; }
  [[nodiscard]] std::size_t calls() const;
  [[nodiscard]] std::size_t transactions() const;
  [[nodiscard]] std::size_t media_legs() const;
  [[nodiscard]] std::uint64_t dropped(std::string_view reason) const;
  [[nodiscard]] std::uint64_t failed() const;  // calls, as the shards count them
  [[nodiscard]] std::string trail_of(std::size_t record);
  [[nodiscard]] std::string trail_of_all() const;  // one line for each event, of every call
  Status apply(const std::string& config);
  void each(const std::function<void(call::GatewayShard&)>& f) {
    for (auto& s : shards_) f(*s);
  }
  [[nodiscard]] const Mode& mode() const { return mode_; }
  std::size_t rebuilt = 0;
  // What a peer saw: compared between runs with and without rebuilding, random parts left out.
  void saw(const std::string& peer, std::string_view bytes);

 private:
  void compare_with_plain_run();
  void on_call_record(const telemetry::CallRecord& r) override { records.push_back(r); }
  void on_name_routed(std::string_view name, std::string_view account, bool by_service) override {
    routed_names.insert(std::string(name) + " of " + std::string(account) +
                        (by_service ? " called us" : " was taken"));
  }
  void rebuild_if_wanted();
  Mode mode_;
  std::vector<std::string> names_;
  std::shared_ptr<const reactor::TlsContext> tls_;
  peers::SharedLoad load_;
  std::vector<std::unique_ptr<world::SimResolver>> resolvers_;
  std::vector<std::unique_ptr<call::GatewayShard>> shards_;
  std::uint64_t version_ = 0;
  std::map<std::string, std::vector<std::string>> seen_;  // by peer
};

// A message without what is drawn at random: tags, branches, Call-IDs, keys, ports.
[[nodiscard]] std::string without_random_parts(std::string_view message);

// An audio description: codecs as "8 PCMA,101 telephone-event".
[[nodiscard]] std::string sdp(
    const std::string& address, int port, const std::string& direction = "sendrecv",
    const std::string& codecs = "8 PCMA/8000,0 PCMU/8000,101 telephone-event/8000", int version = 1,
    const std::string& extra = "", const std::string& proto = "RTP/AVP");
[[nodiscard]] std::string line_of(
    std::string_view sdp, std::string_view start);  // first line that starts so, without CRLF
[[nodiscard]] Endpoint media_of(std::string_view sdp);
[[nodiscard]] std::string direction_of(std::string_view sdp);

}  // namespace causeway::scenario
