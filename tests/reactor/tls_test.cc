// TLS between two ends of the real reactor, with certificates made for the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "reactor/loop.h"
#include "reactor/test_certificates.h"
#include "reactor/tls_probe.h"
#include "support/proves.h"

namespace causeway::reactor {
namespace {

using testing::CertificateRequest;
using ::testing::ElementsAre;
using testing::endpoint;
using ::testing::HasSubstr;
using testing::Peer;
using testing::TestAuthority;
using testing::turn_until;
using Context = std::shared_ptr<const TlsContext>;

class Tls : public ::testing::Test {
 protected:
  static Context load(const TlsFiles& files) {
    auto context = TlsContext::load(files);
    if (!context) ADD_FAILURE() << context.error().what;
    return context ? *context : nullptr;
  }
  void start(Context server_side, Context client_side, std::string name) {
    server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, std::move(server_side), server);
    server.echo = true;
    const TlsClient tls{std::move(client_side), std::move(name), {}};
    client.stream =
        *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, &tls, client);
  }
  bool both_connected() {
    return turn_until(reactor,
                      [&] {
                        return (client.connected && server.connected) || !server.refused.empty() ||
                               !client.closed.empty();
                      }) &&
           client.connected && server.connected;
  }
  bool one_complains() {
    return turn_until(reactor, [&] { return !server.refused.empty() && !client.closed.empty(); });
  }

  // Writes to the client, who does not read, until bytes wait here.
  std::string fill_socket() {
    std::string all;
    for (int i = 0; i < 400 && server.stream->queued() == 0; ++i) {
      const std::string more(50'000, 's');
      server.stream->write(more);
      all += more;
      reactor.turn(Millis{1});
    }
    EXPECT_GT(server.stream->queued(), 0U);
    return all;
  }

  MailRoom room{1};
  EpollReactor reactor{room};
  Peer server, client;
  TestAuthority authority{"Test Root"};
};

TEST_F(Tls, BothSidesShowTheirCertificateAndFullChain) {
  PROVES("TDR-11", "TDR-17");
  CertificateRequest request;
  request.dns_names = {"sip.example", "sip2.example"};
  request.through_intermediate = true;  // the far side knows the root alone
  const Context s = load(authority.issue(request));
  request.dns_names = {"sbc.example"};
  const Context c = load(authority.issue(request));
  start(s, c, "sip2.example");
  ASSERT_TRUE(both_connected());
  EXPECT_EQ(client.stream->tls().version, "TLSv1.3");
  EXPECT_THAT(client.stream->tls().names, ElementsAre("sip.example", "sip2.example"));
  EXPECT_TRUE(client.stream->tls().verified);
  EXPECT_GT(client.stream->tls().not_after, reactor.wall());
  EXPECT_THAT(server.stream->tls().names, ElementsAre("sbc.example"));
  EXPECT_TRUE(server.stream->tls().verified);
  EXPECT_EQ(server.stream->tls().sni, "sip2.example");
  const std::string big(300'000, 'z');
  client.stream->write(big);
  EXPECT_TRUE(turn_until(reactor, [&] { return client.got.size() == big.size(); }));
  EXPECT_EQ(client.got, big);
  client.stream->write("last words");
  client.stream->close_gracefully();
  client.stream.reset();
  ASSERT_TRUE(turn_until(reactor, [&] { return !server.closed.empty(); }));
  EXPECT_EQ(server.got, big + "last words");
  EXPECT_EQ(server.closed[0].what, "closed by peer");
}

TEST_F(Tls, WhoHasFinishedWritingStillReads) {
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  const Context s = load(authority.issue(request));
  start(s, load(authority.issue(request)), "sip.example");
  ASSERT_TRUE(both_connected());
  client.stream->write("crosses");
  server.stream->write("last");
  server.stream->finish_writing();
  ASSERT_TRUE(turn_until(reactor, [&] { return !client.closed.empty() && !server.got.empty(); }));
  EXPECT_EQ(client.got, "last");
  EXPECT_EQ(client.closed[0].what, "closed by peer");
  EXPECT_EQ(server.got, "crosses");
  client.stream.reset();
  ASSERT_TRUE(turn_until(reactor, [&] { return !server.closed.empty(); }));
}

// The far side does not read, so that our last bytes leave in several turns; what it said before is
// not lost meanwhile.
TEST_F(Tls, WhatWaitsToBeReadOutlivesASlowEnd) {
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  const Context s = load(authority.issue(request));
  start(s, load(authority.issue(request)), "sip.example");
  ASSERT_TRUE(both_connected());
  server.echo = false;
  server.pause_on_bytes = true;
  client.stream->pause_reading(true);
  server.stream->pause_reading(true);
  const std::string said(40'000, 'c');  // in records of 1,000, of which it is given the first
  for (std::size_t at = 0; at < said.size(); at += 1'000) {
    client.stream->write(std::string_view(said).substr(at, 1'000));
    reactor.turn(Millis{1});
  }
  server.stream->pause_reading(false);
  ASSERT_TRUE(turn_until(reactor, [&] { return !server.got.empty(); }));
  const std::string last = fill_socket();
  server.stream->finish_writing();
  for (int i = 0; i < 5; ++i) {  // one record in a turn
    server.stream->pause_reading(false);
    reactor.turn(Millis{1});
    ASSERT_TRUE(server.closed.empty()) << server.closed[0].what;
  }
  ASSERT_GT(server.stream->queued(), 0U);
  ASSERT_LT(server.got.size(), said.size());
  server.pause_on_bytes = false;
  server.stream->pause_reading(false);
  ASSERT_TRUE(turn_until(reactor, [&] { return server.got.size() == said.size(); }));
  client.stream->pause_reading(false);
  ASSERT_TRUE(turn_until(reactor, [&] { return !server.closed.empty(); }));
  EXPECT_EQ(client.got.size(), last.size());
  EXPECT_EQ(client.closed[0].what, "closed by peer");
}

class LargeRoots : public Tls {
 protected:
  void verifies(TestAuthority::Key kind) {
    TestAuthority theirs{"Public Root", kind};
    CertificateRequest request;
    request.dns_names = {"sip.example"};
    request.rsa = kind == TestAuthority::Key::kRsa4096;
    request.through_intermediate = true;
    const Context s = load(theirs.issue(request, {authority.root()}));
    request.dns_names = {"sbc.example"};
    start(s, load(authority.issue(request, {theirs.root()})), "sip.example");
    ASSERT_TRUE(both_connected());
    EXPECT_TRUE(client.stream->tls().verified);
    EXPECT_TRUE(server.stream->tls().verified);
  }
};

TEST_F(LargeRoots, OfRsa4096AreVerified) {
  PROVES("TDR-15", "ZM-02");
  verifies(TestAuthority::Key::kRsa4096);
}

TEST_F(LargeRoots, OfP384AreVerified) {
  PROVES("TDR-15");
  verifies(TestAuthority::Key::kP384);
}

TEST(PublicRoots, OfTheServicesAreInTheSystemsBundle) {
  PROVES("TDR-15", "ZM-02");
  const auto files = system_root_files();
  ASSERT_FALSE(files.empty());
  std::string all;
  for (const auto& c : certificates_in(files.front())) all += c.subject + "\n";
  if (all.empty()) GTEST_SKIP() << "no bundle of public roots on this machine";
  for (const char* name :
       {"DigiCert Global Root CA", "DigiCert Global Root G2", "DigiCert Global Root G3",
        "DigiCert TLS ECC P384 Root G5", "DigiCert TLS RSA4096 Root G5",
        "Microsoft ECC Root Certificate Authority 2017",
        "Microsoft RSA Root Certificate Authority 2017",
        "Go Daddy Root Certificate Authority - G2"})
    EXPECT_THAT(all, HasSubstr(name));
}

TEST_F(Tls, PausingHoldsBackAndResumingLosesNothing) {
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  const Context both = load(authority.issue(request));
  start(both, both, "sip.example");
  ASSERT_TRUE(both_connected());
  server.echo = false;
  server.stream->pause_reading(true);
  const std::string big(200'000, 'p');
  client.stream->write(big);
  for (int i = 0; i < 5; ++i) reactor.turn(Millis{1});
  EXPECT_EQ(server.got, "");
  server.stream->pause_reading(false);
  EXPECT_TRUE(turn_until(reactor, [&] { return server.got.size() == big.size(); }));
}

TEST_F(Tls, AServerWithAnotherNameIsRefusedNamingBoth) {
  CertificateRequest request;
  request.dns_names = {"other.example", "*.pool.example"};
  const Context s = load(authority.issue(request));
  start(s, s, "sip.example");
  ASSERT_TRUE(one_complains());
  EXPECT_FALSE(client.connected);
  EXPECT_EQ(client.closed[0].code, ErrorCode::kTls);
  EXPECT_THAT(client.closed[0].what,
              HasSubstr("expected sip.example, found other.example, *.pool.example"));
  EXPECT_EQ(server.refused[0].code, ErrorCode::kTls);
}

TEST_F(Tls, TheNameMayStandInTheCommonNameOrBeAWildcardOfOneLabel) {
  PROVES("TDR-14");
  const struct {
    std::vector<std::string> names;
    const char* common_name;
    const char* wanted;
    bool fits;
  } cases[] = {
      {{}, "sbc.example.com", "sbc.example.com", true},
      {{"x.example.com"}, "sbc.example.com", "sbc.example.com", false},  // CN does not count
      {{"*.example.com"}, "x", "SBC.example.com", true},
      {{"*.example.com"}, "x", "a.sbc.example.com", false},
      {{"*.example.com"}, "x", "example.com", false},
      {{}, "*.example.com", "sbc.example.com", true},
      {{"s*.example.com"}, "x", "sbc.example.com", false},
  };
  for (const auto& c : cases) {
    CertificateRequest request;
    request.dns_names = c.names;
    request.common_name = c.common_name;
    const Context context = load(authority.issue(request));
    server = Peer{};
    client = Peer{};
    start(context, context, c.wanted);
    EXPECT_EQ(both_connected(), c.fits) << c.wanted << " against " << describe_names(c.names);
  }
}

TEST_F(Tls, ASipDomainInAUriOfTheCertificateIsAName) {
  const struct {
    std::vector<std::string> uris, names;
    const char* wanted;
    bool fits;
  } cases[] = {
      // the common name is "test" in all of them
      {{"sip:example.com"}, {}, "example.com", true},
      {{"SIP:Example.com"}, {"host.example.net"}, "example.COM", true},
      {{"sip:example.com"}, {"host.example.net"}, "host.example.net", true},
      {{"sip:example.com"}, {}, "test", false},  // CN does not count
      {{"sip:ada@example.com"}, {"host.example.net"}, "example.com", false},
      {{"sips:example.com"}, {"host.example.net"}, "example.com", false},
      {{"https://example.com"}, {}, "test", true},  // no SIP domain, so CN
      {{"sip:*.example.com"}, {"x.example.net"}, "a.example.com", false},
      {{"sip:example.com"}, {"*.example.com"}, "a.example.com", true},
  };
  for (const auto& c : cases) {
    CertificateRequest request;
    request.uris = c.uris;
    request.dns_names = c.names;
    const Context context = load(authority.issue(request));
    server = Peer{};
    client = Peer{};
    start(context, context, c.wanted);
    EXPECT_EQ(both_connected(), c.fits) << c.wanted << " against " << c.uris[0];
  }
}

TEST(Certificates, SipDomainsOfUris) {
  EXPECT_EQ(sip_identity("sip:example.com"), "example.com");
  EXPECT_EQ(sip_identity("sip:example.com:5061;transport=tls"), "example.com");
  for (const char* none : {"sip:", "sip:a@b.example", "sips:b.example", "sip:192.0.2.1",
                           "sip:[2001:db8::1]", "sip:*.b.example", "b.example", ""})
    EXPECT_EQ(sip_identity(none), "") << none;
}

TEST_F(Tls, ACertificateOfAnUnknownAuthorityIsRefusedOnEitherSide) {
  TestAuthority stranger("Strange Root");
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  const Context ours = load(authority.issue(request));
  start(load(stranger.issue(request, {authority.root()})), ours, "sip.example");
  ASSERT_TRUE(one_complains());
  EXPECT_THAT(client.closed[0].what, HasSubstr("Strange Root"));
  EXPECT_THAT(client.closed[0].what, HasSubstr("not trusted"));
  server = Peer{};
  client = Peer{};
  request.dns_names = {"evil.example"};
  start(ours, load(stranger.issue(request, {authority.root()})), "sip.example");
  ASSERT_TRUE(one_complains());
  EXPECT_THAT(server.refused[0].what, HasSubstr("evil.example"));
  EXPECT_THAT(server.refused[0].what, HasSubstr("not trusted"));
  EXPECT_EQ(client.closed[0].code, ErrorCode::kTls);
}

TEST_F(Tls, TheFarSideNeedNotHaveClientAuthentication) {
  PROVES("TDR-13");
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  for (const char* usage : {"serverAuth", "clientAuth", "serverAuth,clientAuth"}) {
    request.key_usage = usage;
    const Context context = load(authority.issue(request));
    server = Peer{};
    client = Peer{};
    start(context, context, "sip.example");
    EXPECT_TRUE(both_connected()) << usage;
  }
}

// --- a foreign end made with OpenSSL alone -----------------------------------------------------

// Speaks TLS as told over a plain stream of the same reactor.
struct ForeignClient final : StreamListener {
  explicit ForeignClient(int version, const char* ciphers, const TlsFiles* files)
      : context(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (ciphers) SSL_CTX_set_cipher_list(context, ciphers);
    if (files) {
      SSL_CTX_use_certificate_chain_file(context, files->certificate.c_str());
      SSL_CTX_use_PrivateKey_file(context, files->key.c_str(), SSL_FILETYPE_PEM);
    }
    ssl = SSL_new(context);
    SSL_set_bio(ssl, in = BIO_new(BIO_s_mem()), out = BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(in, -1);
    SSL_set_connect_state(ssl);
  }
  ~ForeignClient() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
  void go_on() {
    SSL_do_handshake(ssl);
    char* data = nullptr;
    const long n = BIO_get_mem_data(out, &data);
    if (n > 0) stream->write({data, static_cast<std::size_t>(n)});
    (void)BIO_reset(out);
  }
  void on_connected(Stream&) override { go_on(); }
  void on_bytes(Stream&, std::span<const std::byte> data) override {
    BIO_write(in, data.data(), static_cast<int>(data.size()));
    go_on();
  }
  void on_closed(Stream&, const Error&) override { closed = true; }
  SSL_CTX* context;
  SSL* ssl = nullptr;
  BIO *in = nullptr, *out = nullptr;
  std::unique_ptr<Stream> stream;
  bool closed = false;
};

class TlsServer : public Tls {
 protected:
  bool accepts(const TlsFiles& files, int version, const char* ciphers,
               bool with_certificate = true) {
    server = Peer{};
    server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, load(files), server);
    ForeignClient foreign(version, ciphers, with_certificate ? &files : nullptr);
    foreign.stream =
        *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, nullptr, foreign);
    EXPECT_TRUE(turn_until(reactor, [&] { return server.connected || !server.refused.empty(); }));
    if (server.connected) cipher = server.stream->tls().cipher;
    return server.connected;
  }
  std::string cipher;
};

TEST_F(TlsServer, OldVersionsAreRefused) {
  PROVES("TDR-08");
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  request.rsa = true;
  const TlsFiles files = authority.issue(request);
  EXPECT_TRUE(accepts(files, TLS1_2_VERSION, nullptr));
  EXPECT_FALSE(accepts(files, TLS1_1_VERSION, nullptr));
  EXPECT_FALSE(accepts(files, TLS1_VERSION, nullptr));
}

TEST_F(TlsServer, EverySuiteThatPhoneSystemMayOfferIsTakenAlone) {
  PROVES("TDR-09", "TDR-10");
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  request.rsa = true;
  const TlsFiles rsa = authority.issue(request);
  for (const char* suite : {"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256",
                            "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES128-SHA256"}) {
    EXPECT_TRUE(accepts(rsa, TLS1_2_VERSION, suite)) << suite;
    EXPECT_EQ(cipher, suite);
  }
  request.rsa = false;
  const TlsFiles ecdsa = authority.issue(request);
  EXPECT_TRUE(accepts(ecdsa, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384"));
  EXPECT_TRUE(accepts(ecdsa, TLS1_3_VERSION, nullptr));
  EXPECT_FALSE(accepts(rsa, TLS1_2_VERSION, "AES128-SHA"));  // no forward secrecy
}

TEST_F(TlsServer, AClientWithoutACertificateIsRefused) {
  PROVES("TDR-11");
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  const TlsFiles files = authority.issue(request);
  EXPECT_FALSE(accepts(files, TLS1_2_VERSION, nullptr, false));
  EXPECT_FALSE(accepts(files, TLS1_3_VERSION, nullptr, false));
  EXPECT_THAT(server.refused[0].what, HasSubstr("certificate"));
}

TEST_F(Tls, GarbageInsteadOfAHandshakeIsRefused) {
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  server.acceptor =
      *reactor.listen(endpoint("127.0.0.1:0"), {}, load(authority.issue(request)), server);
  client.stream =
      *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, nullptr, client);
  client.stream->write("OPTIONS sip:x SIP/2.0\r\n\r\n");
  ASSERT_TRUE(one_complains());
  EXPECT_EQ(server.refused[0].code, ErrorCode::kTls);
}

TEST(TlsLimits, AStalledHandshakeEndsAndTheOthersWaitTheirTurn) {
  TestAuthority authority("Test Root");
  MailRoom room(1);
  EpollOptions options;
  options.max_handshakes = 2;
  options.handshake_time = Millis{100};
  EpollReactor reactor(room, options);
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  const auto context = TlsContext::load(authority.issue(request));
  ASSERT_TRUE(context) << context.error().what;
  Peer server, silent[3];
  server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, *context, server);
  for (Peer& s : silent)
    s.stream = *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, nullptr, s);
  ASSERT_TRUE(turn_until(reactor, [&] { return server.refused.size() == 2; }));
  EXPECT_THAT(server.refused[0].what, HasSubstr("handshake not finished"));
  EXPECT_TRUE(turn_until(reactor, [&] { return server.refused.size() == 3; }));
}

// --- several identities, and handshakes elsewhere ----------------------------------------------

TEST_F(TlsServer, TheIdentityIsChosenByTheNameThatTheClientAsksFor) {
  PROVES("TDR-17");
  CertificateRequest request;
  request.dns_names = {"a.example"};
  const Context a = load(authority.issue(request));
  request.dns_names = {"*.b.example"};
  const Context b = load(authority.issue(request));
  const Context both = TlsContext::choice({a, b});
  for (const auto& [asked, shown] : {std::pair{"a.example", "a.example"},
                                     {"sbc.b.example", "*.b.example"},
                                     {"A.EXAMPLE", "a.example"}}) {
    server = Peer{};
    client = Peer{};
    start(both, a, asked);
    ASSERT_TRUE(both_connected()) << asked;
    EXPECT_THAT(client.stream->tls().names, ElementsAre(shown));
    EXPECT_TRUE(server.stream->tls().verified)
        << "the client's certificate is asked for all the same";
  }
  server = Peer{};
  client = Peer{};
  start(both, a, "nobody.example");
  ASSERT_TRUE(one_complains());
  EXPECT_THAT(client.closed[0].what, HasSubstr("found a.example")) << "the first, when none fits";
}

TEST_F(Tls, AClientShowsTheIdentityThatItsPeerExpects) {
  PROVES("TDR-17");
  CertificateRequest request;
  request.dns_names = {"a.example"};
  const Context a = load(authority.issue(request));
  request.dns_names = {"b.example"};
  const Context b = load(authority.issue(request));
  for (const char* own : {"", "a.example", "b.example"}) {
    server = Peer{};
    client = Peer{};
    server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, a, server);
    const TlsClient tls{TlsContext::choice({a, b}), "a.example", own};
    client.stream =
        *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, &tls, client);
    ASSERT_TRUE(both_connected());
    EXPECT_THAT(server.stream->tls().names,
                ElementsAre(std::string(own) == "b.example" ? "b.example" : "a.example"));
  }
}

TEST_F(Tls, ARenewedCertificateIsShownFromThenOnAndOldConnectionsGoOn) {
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  const Context old = load(authority.issue(request));
  start(old, old, "sip.example");
  ASSERT_TRUE(both_connected());
  request.dns_names = {"sip.example", "new.example"};
  server.acceptor->set_tls(load(authority.issue(request)));
  client.stream->write("still here");
  EXPECT_TRUE(turn_until(reactor, [&] { return client.got == "still here"; }));
  Peer second;
  const TlsClient tls{old, "sip.example", {}};
  second.stream =
      *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, &tls, second);
  ASSERT_TRUE(turn_until(reactor, [&] { return second.connected; }));
  EXPECT_THAT(second.stream->tls().names, ElementsAre("sip.example", "new.example"));
}

class TlsElsewhere : public ::testing::Test {
 protected:
  static EpollOptions options_with(HandshakePool& pool) {
    EpollOptions o;
    o.handshakes = &pool;
    o.handshake_steps = 2;
    return o;
  }
  Context context() {
    CertificateRequest request;
    request.dns_names = {"sip.example"};
    request.rsa = true;
    return *TlsContext::load(authority.issue(request));
  }
  TestAuthority authority{"Test Root"};
  HandshakePool pool{2};
  MailRoom room{1};
  EpollReactor reactor{room, options_with(pool)};
};

TEST_F(TlsElsewhere, ManyHandshakesAtOnceSucceedAndCarryBytes) {
  const Context both = context();
  struct Server final : AcceptListener, StreamListener {
    StreamListener* on_accepted(std::unique_ptr<Stream> s) override {
      streams.push_back(std::move(s));
      return this;
    }
    void on_refused(const Endpoint&, const Error& e) override { ADD_FAILURE() << e.what; }
    void on_connected(Stream&) override {}
    void on_bytes(Stream& s, std::span<const std::byte> d) override {
      s.write(testing::to_text(d));
    }
    void on_closed(Stream&, const Error&) override {}
    std::vector<std::unique_ptr<Stream>> streams;
  } server;
  auto acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, both, server);
  std::vector<std::unique_ptr<Peer>> clients;
  const TlsClient tls{both, "sip.example", {}};
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<Peer>());
    auto& c = *clients.back();
    c.stream = *reactor.connect(endpoint("127.0.0.1:0"), acceptor->local(), {}, &tls, c);
    c.stream->write("hello");
  }
  ASSERT_TRUE(turn_until(reactor, [&] {
    return std::all_of(clients.begin(), clients.end(),
                       [](const auto& c) { return c->got == "hello"; });
  }));
  EXPECT_EQ(reactor.stats().streams_accepted, 40U);
}

TEST_F(TlsElsewhere, AStreamMayDieWhileItsHandshakeIsComputed) {
  const Context both = context();
  Peer server;
  server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, both, server);
  const TlsClient tls{both, "sip.example", {}};
  for (int i = 0; i < 20; ++i) {
    Peer client;
    client.stream =
        *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, &tls, client);
    for (int turns = 0; turns < i % 5; ++turns) reactor.turn(Millis{1});
    client.stream.reset();
    reactor.turn(Millis{1});
  }
  // Nothing that died holds up who comes after.
  Peer last;
  last.stream = *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, &tls, last);
  EXPECT_TRUE(turn_until(reactor, [&] { return last.connected; }));
  EXPECT_THAT(last.stream->tls().names, ElementsAre("sip.example"));
  server.acceptor.reset();
  for (int i = 0; i < 20; ++i) reactor.turn(Millis{2});
}

TEST_F(TlsElsewhere, ACertificateThatDoesNotFitIsRefusedAllTheSame) {
  PROVES("TDR-17");
  const Context both = context();
  Peer server, client;
  server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, both, server);
  const TlsClient tls{both, "other.example", {}};
  client.stream =
      *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, &tls, client);
  ASSERT_TRUE(turn_until(reactor, [&] { return !client.closed.empty(); }));
  EXPECT_THAT(client.closed[0].what, HasSubstr("expected other.example, found sip.example"));
}

TEST_F(Tls, WrongFilesAreNamed) {
  CertificateRequest request;
  request.dns_names = {"sip.example"};
  const TlsFiles good = authority.issue(request);
  const TlsFiles other = authority.issue(request);
  TlsFiles bad = good;
  bad.key = other.key;
  auto loaded = TlsContext::load(bad);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kConfiguration);
  EXPECT_THAT(loaded.error().what, HasSubstr(other.key));
  bad = good;
  bad.certificate = "/nowhere.pem";
  loaded = TlsContext::load(bad);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().what, HasSubstr("/nowhere.pem"));
  bad = good;
  bad.trusted_roots.clear();
  EXPECT_FALSE(TlsContext::load(bad));
  loaded = TlsContext::load(good);
  ASSERT_TRUE(loaded);
  EXPECT_THAT((*loaded)->names(), ElementsAre("sip.example"));
}

}  // namespace
}  // namespace causeway::reactor
