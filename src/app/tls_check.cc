#include "app/tls_check.h"

#include <fmt/format.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <charconv>
#include <ostream>

#include "app/cli.h"
#include "base/host_name.h"
#include "base/random.h"
#include "deployment/load.h"
#include "dns/cares_resolver.h"
#include "dns/rfc3263.h"
#include "peers/prober.h"
#include "reactor/tls_probe.h"
#include "sip/tag.h"

namespace causeway::app {
namespace {

using reactor::CertificateFacts;
using reactor::TlsFindings;

constexpr std::int64_t kDay = 86'400'000'000;
constexpr std::int64_t kWarnDays = 30;
constexpr std::size_t kMaxAddresses = 8;

class Report {
 public:
  explicit Report(std::ostream& out) : out_(out) {}
  void fact(const std::string& text) { out_ << "         " << text << "\n"; }
  void good(const std::string& text) { out_ << "ok       " << text << "\n"; }
  void warn(const std::string& text) { out_ << "WARNING  " << text << "\n", ++warnings_; }
  void broken(const std::string& text) { out_ << "BROKEN   " << text << "\n", ++broken_; }
  void check(bool holds, const std::string& good_text, const std::string& broken_text) {
    holds ? good(good_text) : broken(broken_text);
  }
  void head(const std::string& text) { out_ << "\n" << text << "\n"; }
  int end() {
    out_ << "\n" << broken_ << " broken, " << warnings_ << " warnings\n";
    return broken_ == 0 ? kExitGood : kExitFailed;
  }
  [[nodiscard]] int broken_so_far() const { return broken_; }

 private:
  std::ostream& out_;
  int warnings_ = 0, broken_ = 0;
};

// What is looked at: a peer of the configuration, or a host that is treated like one.
struct Subject {
  std::string name, host;
  std::uint16_t port = 0;
  const deployment::Listener* listener = nullptr;
  const deployment::TlsIdentity* identity = nullptr;
  const deployment::Profile* profile = nullptr;
  deployment::Peer peer;
};

std::string date_of(WallTime t) { return format_rfc3339(t).substr(0, 10); }

void show(Report& r, const std::vector<CertificateFacts>& chain) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto& c = chain[i];
    r.fact(fmt::format("{}: {}, issued by {}, {}, good until {}", i, c.subject, c.issuer, c.key,
                       date_of(c.not_after)));
    if (i != 0) continue;
    r.fact("   names: " + reactor::describe_names(c.names));
    if (!c.uris.empty()) r.fact("   SAN URIs: " + reactor::describe_names(c.uris));
    r.fact("   extended key usage: " + std::string(!c.has_purposes ? "none given, so any"
                                                   : c.for_server && c.for_client
                                                       ? "server and client authentication"
                                                   : c.for_server ? "server authentication"
                                                   : c.for_client ? "client authentication"
                                                                  : "neither server nor client"));
  }
}

void check_dates(Report& r, const std::vector<CertificateFacts>& chain, WallTime now,
                 const std::string& whose, const std::string& remedy) {
  for (const auto& c : chain) {
    const std::int64_t days = (c.not_after.micros - now.micros) / kDay;
    const std::string until = date_of(c.not_after), from = date_of(c.not_before);
    if (c.not_after < now)
      r.broken(fmt::format("{} certificate {} expired on {} (TDR-18): {}", whose, c.subject, until,
                           remedy));
    else if (now < c.not_before)
      r.broken(fmt::format("{} certificate {} is not good before {}: {}", whose, c.subject, from,
                           remedy));
    else if (days < kWarnDays)
      r.warn(fmt::format("{} certificate {} has {} days left: {}", whose, c.subject, days, remedy));
  }
}

std::vector<CertificateFacts> own_chain(const deployment::TlsIdentity& id) {
  auto chain = reactor::certificates_in(id.certificate);
  const auto more =
      id.chain.empty() ? std::vector<CertificateFacts>{} : reactor::certificates_in(id.chain);
  chain.insert(chain.end(), more.begin(), more.end());
  return chain;
}

// True: our certificate names no purpose, or that of a client, too.
bool check_own(Report& r, const Subject& s, WallTime now) {
  const auto& id = *s.identity;
  r.head("our certificate (tls_identity '" + id.name + "', " + id.certificate + ")");
  const auto chain = own_chain(id);
  if (chain.empty()) {
    r.broken("it cannot be read: name a PEM file in tls_identity.certificate");
    return true;
  }
  show(r, chain);
  check_dates(r, chain, now, "our", "renew it; a running gateway takes changed files by itself");
  const auto& leaf = chain.front();
  bool linked = true;
  for (std::size_t i = 0; i + 1 < chain.size(); ++i)
    if (chain[i].issuer != chain[i + 1].subject) {
      linked = false;
      r.broken("the chain is out of order: " + chain[i].subject + " is issued by " +
               chain[i].issuer + ", but " + chain[i + 1].subject +
               " follows (TDR-11): put each issuer after what it issued");
    }
  const bool to_own_roots = reactor::leads_to_root(chain, id.trusted_roots);
  const bool to_public_roots = reactor::leads_to_root(chain, reactor::system_root_files());
  if (leaf.self_signed)
    r.broken("it is self-signed (TDR-12): have one issued by an authority that the peer trusts");
  else if (!to_own_roots && !to_public_roots)
    r.broken("the chain ends at " + chain.back().subject + ", whose issuer " + chain.back().issuer +
             " is no known root: an intermediate is missing (TDR-11); add it to "
             "tls_identity.certificate or .chain");
  else if (linked)
    r.good("the chain that we send is whole, up to a root (TDR-11)");
  if (!leaf.self_signed && !to_public_roots && to_own_roots)
    r.warn("its root is none of this system's public ones: a public service refuses it (TDR-12)");
  r.check(leaf.for_server, "it may be used as a server (TDR-13)",
          "its extended key usage has no server authentication (TDR-13): have it issued anew");
  const std::string& wanted = s.profile->contact_host;
  if (!wanted.empty())
    r.check(reactor::any_certificate_name_matches(leaf.names, wanted),
            "it covers contact_host '" + wanted + "' (TDR-14)",
            "it is for " + reactor::describe_names(leaf.names) +
                " and does not cover contact_host '" + wanted +
                "' (TDR-14): have that name put into it, or change contact_host");
  return leaf.for_client;
}

// What is wrong with the chain that the peer sent, and what to change.
std::string chain_fault(const TlsFindings& f, const Subject& s) {
  const auto& leaf = f.chain.front();
  switch (f.verify_error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "its certificate is self-signed: it needs one of an authority";
    case X509_V_ERR_CERT_HAS_EXPIRED: return "a certificate of its chain has expired";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      if (f.chain.size() == 1)
        return "it sends its own certificate alone, issued by " + leaf.issuer +
               ", which is no root of ours: it leaves an intermediate out, or that root is missing "
               "in trusted_roots of tls_identity '" +
               s.identity->name + "' (TDR-15)";
      return "its chain ends at " + f.chain.back().issuer +
             ", which is no root of ours: add that root to trusted_roots of tls_identity '" +
             s.identity->name + "' (TDR-15)";
    default: return "its certificate is refused: " + f.verify_text;
  }
}

void check_answer(Report& r, const TlsFindings& f, bool client_purpose) {
  if (!f.answer.empty()) {
    const bool good = f.answer.starts_with("SIP/2.0 200");
    if (good)
      r.good("it takes our certificate and answers OPTIONS: " + f.answer + " (TDR-16)");
    else
      r.broken("it answers OPTIONS with '" + f.answer + "' (TDR-16): is this gateway known there?");
    if (!client_purpose)
      r.warn(
          "our certificate has no client authentication; this peer takes it all the same "
          "(TDR-13)");
    return;
  }
  r.broken("no answer to OPTIONS (TDR-16): " + f.failure +
           (f.wants_our_certificate ? "; it may have refused our certificate" : ""));
  if (!client_purpose)
    r.broken(
        "our certificate has no client authentication in its extended key usage (TDR-13): "
        "this peer asks for it; have the certificate issued with it");
}

void check_address(Report& r, const Subject& s, const Endpoint& at, bool client_purpose,
                   WallTime now, const std::string& options) {
  r.head("peer " + s.name + " at " + at.to_string() + ", asked by SNI for " +
         (IpAddress::parse(s.host) ? "nothing (an address)" : s.host));
  reactor::TlsProbe probe;
  probe.remote = at;
  probe.local = {s.listener->address.address, 0};
  probe.server_name = s.host;
  probe.identity = {s.identity->certificate, s.identity->key, s.identity->chain,
                    s.identity->trusted_roots};
  probe.version = reactor::TlsVersion::k12;
  const TlsFindings old = reactor::probe_tls(probe);
  if (!old.connected) return r.broken("no connection: " + old.failure);
  probe.version = reactor::TlsVersion::k13;
  const TlsFindings fresh = reactor::probe_tls(probe);
  for (const auto* f : {&fresh, &old})
    if (f->agreed)
      r.fact(f->version + " with " + f->suite);
    else
      r.fact(std::string(f == &fresh ? "TLSv1.3" : "TLSv1.2") + ": " + f->failure);
  probe.version = fresh.agreed ? reactor::TlsVersion::k13 : reactor::TlsVersion::k12;
  probe.say = options;
  const TlsFindings f = reactor::probe_tls(probe);
  if (f.chain.empty())
    return r.broken("no version and suite in common (TDR-08, TDR-09): " + f.failure +
                    "; the gateway speaks TLS 1.2 and 1.3 with ECDHE and AES alone");
  r.check(fresh.agreed || old.agreed, "a version and suite in common (TDR-08, TDR-09, TDR-10)",
          "the handshake fails: " + f.failure +
              (f.wants_our_certificate ? "; it asked for our certificate" : ""));
  if (fresh.agreed && !old.agreed) r.fact("it speaks TLS 1.3 alone");
  show(r, f.chain);
  check_dates(r, f.chain, now, "its", "its operator has to renew it");
  if (f.verify_error == X509_V_OK)
    r.good("its chain leads to a root that we trust (TDR-15)");
  else
    r.broken(chain_fault(f, s));
  r.check(f.name_fits, "its certificate covers '" + s.host + "' (TDR-17)",
          "its certificate is for " + reactor::describe_names(f.chain.front().names) +
              ", not for '" + s.host +
              "' (TDR-17): set the peer's host to one of these, or have "
              "it show another for this SNI");
  r.check(f.chain.front().for_server, "it may be used as a server",
          "its extended key usage has no server authentication: its operator has to change it");
  if (f.wants_our_certificate)
    r.good("it asks for our certificate: mutual TLS (TDR-11)");
  else
    r.warn("it does not ask for our certificate: it cannot know who calls (TDR-11)");
  if (f.agreed)
    check_answer(r, f, client_purpose);
  else if (!client_purpose)
    r.broken(
        "our certificate has no client authentication in its extended key usage (TDR-13): "
        "have it issued with it");
}

// --- who is meant, and where it is -------------------------------------------------------------

struct Waiter final : dns::TargetListener {
  void on_targets(std::uint64_t, Result<std::vector<dns::Target>> t) override {
    targets = std::move(t);
    done = true;
  }
  Result<std::vector<dns::Target>> targets;
  bool done = false;
};

Result<std::vector<dns::Target>> locate(const deployment::Deployment& d, const Subject& s) {
  reactor::MailRoom mail(1);
  reactor::EpollReactor loop(mail);
  dns::CaresOptions options;
  options.servers = d.resolvers;
  auto resolver = dns::CaresResolver::create(loop, options);
  if (!resolver) return tl::unexpected<Error>(resolver.error());
  dns::TargetRequest request;
  request.host = s.host;
  request.port = s.port;
  request.transport = Transport::kTls;
  request.want_v6 = s.listener->address.address.is_v6();
  request.want_v4 = !request.want_v6;
  Waiter waiter;
  dns::TargetSelection selection(**resolver, loop, loop.random());
  if (selection.start(request, waiter, 1)) return selection.result();
  const Instant limit = loop.now() + Seconds{10};
  while (!waiter.done && loop.now() < limit) loop.turn(Millis{100});
  if (!waiter.done)
    return fail(ErrorCode::kTimeout, s.host + ": no answer of the name service within 10 s");
  return waiter.targets;
}

Result<Subject> subject_of(const deployment::Deployment& d, const std::string& text) {
  Subject s;
  const deployment::PeerGroup* group = nullptr;
  if (const auto p = d.find_peer(text)) {
    s.peer = d.peer(*p);
    group = &d.group(s.peer.group);
    if (s.peer.transport != Transport::kTls)
      return fail(ErrorCode::kConfiguration, "peer '" + text + "' is reached over " +
                                                 std::string(to_string(s.peer.transport)) +
                                                 ", without TLS");
  } else {
    for (const auto& g : d.groups)
      if (!group && d.listener(g.listener).transport == Transport::kTls) group = &g;
    if (!group)
      return fail(ErrorCode::kConfiguration, "no peer group of the configuration uses TLS");
    s.peer.name = s.peer.host = text;
    s.peer.transport = Transport::kTls;
    const auto colon = text.rfind(':');
    if (const auto whole = Endpoint::parse(text)) {
      s.peer.host = whole->address.to_string();
      s.peer.port = whole->port;
    } else if (colon != std::string::npos && !IpAddress::parse(text)) {
      s.peer.host = text.substr(0, colon);
      const char* const end = text.data() + text.size();
      const auto parsed = std::from_chars(text.data() + colon + 1, end, s.peer.port);
      if (parsed.ec != std::errc{} || parsed.ptr != end || s.peer.port == 0)
        return fail(ErrorCode::kMalformed,
                    "'" + text.substr(colon + 1) + "' is no port: write HOST:5061");
    }
    if (!IpAddress::parse(s.peer.host) && !is_host_name(s.peer.host))
      return fail(ErrorCode::kMalformed, "'" + text +
                                             "' is neither a peer of the configuration nor a host: "
                                             "write PEER, HOST or HOST:PORT");
  }
  s.name = s.peer.name;
  s.host = s.peer.host;
  s.port = s.peer.port;
  s.listener = &d.listener(group->listener);
  s.profile = &d.profile(group->profile);
  s.identity = &d.identities[s.listener->identity->value];
  for (const auto more : s.listener->more_identities) {
    const auto names = [&](const deployment::TlsIdentity& id) {
      const auto chain = reactor::certificates_in(id.certificate);
      return chain.empty() ? std::vector<std::string>{} : chain.front().names;
    };
    if (!reactor::any_certificate_name_matches(names(*s.identity), s.profile->contact_host) &&
        reactor::any_certificate_name_matches(names(d.identities[more.value]),
                                              s.profile->contact_host))
      s.identity = &d.identities[more.value];
  }
  return s;
}

}  // namespace

int run_tls_check(const CommandLine& line, WallTime now, std::ostream& out, std::ostream& err) {
  deployment::LoadOptions options;
  options.check_files = false;  // what is wrong with them is what we are here for
  const auto loaded = deployment::load_file(line.option("config"), options);
  if (!loaded.deployment) {
    err << loaded.to_string() << "\n";
    return kExitMistakes;
  }
  const auto& d = *loaded.deployment;
  const auto s = subject_of(d, line.operands.at(0));
  if (!s) {
    err << "causeway: " << s.error().what << "\n";
    return kExitFailed;
  }
  Report r(out);
  const bool client_purpose = check_own(r, *s, now);
  const auto where = locate(d, *s);
  if (!where) {
    r.head("peer " + s->name);
    r.broken("no address: " + where.error().what);
    return r.end();
  }
  SystemRandom random;
  Endpoint advertised = s->listener->address;
  const peers::LocalSide side{s->profile, advertised, Transport::kTls};
  const sip::Owner owner{d.operation.node, Bucket{0}};
  for (std::size_t i = 0; i < std::min(where->size(), kMaxAddresses); ++i) {
    const std::string options_request =
        peers::make_options(side, s->peer, sip::make_branch(owner, random),
                            sip::make_tag(owner, random), sip::make_tag(owner, random));
    check_address(r, *s, (*where)[i].endpoint, client_purpose, now, options_request);
  }
  return r.end();
}

}  // namespace causeway::app
