// All SIP sockets of one lab peer: datagrams, listeners, connections in both directions. Lab
// thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lab/sip_text.h"
#include "lab/stream.h"

namespace causeway::lab {

// One signalling address of a peer; the Phone System has three, each with a name.
struct Site {
  std::string name;  // FQDN; empty: the address itself is written
  Endpoint address;
};

// The way a message came, or is to go.
struct Flow {
  std::uint64_t connection = 0;  // 0: datagram
  std::size_t site = 0;
  Endpoint remote;
  bool opened_by_them = false;  // connection accepted by us
};

struct SipPortSettings {
  Transport transport = Transport::kUdp;
  std::vector<Site> sites;
  TlsFiles tls;
  std::string verify_name;  // name the other side's certificate must hold
};

class SipPort final : private StreamConnection::Listener {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_message(SipMessage message, const Flow& flow) = 0;
    virtual void on_bad_message(const std::string& why, const Flow& flow) = 0;
    virtual void on_connection_lost(const Flow& flow, const std::string& why) = 0;
  };

  SipPort(Loop& loop, Listener& listener, SipPortSettings settings);
  ~SipPort() override;

  [[nodiscard]] Status open();
  // Our own way to `remote` from a site: the socket, or a connection that we opened (and reuse).
  [[nodiscard]] Result<Flow> flow_to(std::size_t site, const Endpoint& remote);
  void send(const Flow& flow, std::string_view text);
  // Names in the certificate of the other end; empty when not TLS.
  [[nodiscard]] std::vector<std::string> peer_names(const Flow& flow) const;
  [[nodiscard]] Transport transport() const { return settings_.transport; }

 private:
  void on_stream_message(StreamConnection& c, std::string_view text) override;
  void on_stream_closed(StreamConnection& c, const std::string& why) override;
  [[nodiscard]] Status open_site(std::size_t site);
  void read_datagrams(std::size_t site);
  void accept_all(std::size_t site);
  [[nodiscard]] Flow flow_of(const StreamConnection& c) const;

  Loop& loop_;
  Listener& listener_;
  SipPortSettings settings_;
  SslContext server_tls_, client_tls_;
  std::vector<int> sockets_;  // one per site
  std::uint64_t next_ = 1;
  struct Connection {
    std::unique_ptr<StreamConnection> stream;
    std::size_t site = 0;
  };
  std::unordered_map<std::uint64_t, Connection> connections_;  // bounded by kMaxConnections
  std::map<std::pair<std::size_t, Endpoint>, std::uint64_t> ours_;
};

}  // namespace causeway::lab
