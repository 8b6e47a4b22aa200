// The one file that knows libldns.
#include "nameserver/wire.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/host_name.h"
#include "base/net.h"

namespace causeway::nameserver {
namespace {

constexpr std::size_t kHeader = 12;

struct PacketFree {
  void operator()(ldns_pkt* p) const { ldns_pkt_free(p); }
};
using Packet = std::unique_ptr<ldns_pkt, PacketFree>;

const std::uint8_t* raw(std::span<const std::byte> b) {
  return reinterpret_cast<const std::uint8_t*>(b.data());
}

std::uint8_t octet(std::span<const std::byte> b, std::size_t i) {
  return std::to_integer<std::uint8_t>(b[i]);
}

unsigned opcode_of(std::span<const std::byte> query) { return octet(query, 2) >> 3 & 15; }

Packet parse(std::span<const std::byte> bytes) {
  ldns_pkt* p = nullptr;
  if (ldns_wire2pkt(&p, raw(bytes), bytes.size()) != LDNS_STATUS_OK) return nullptr;
  return Packet(p);
}

// Labels joined by '.'. What a host name cannot have (a dot within a label, a byte that does not
// print) becomes something that no name here has.
std::string text_of(const ldns_rdf* name) {
  std::string out;
  const std::uint8_t* d = ldns_rdf_data(name);
  for (std::size_t i = 0, end = ldns_rdf_size(name); i < end && d[i] != 0;) {
    const std::size_t length = d[i];
    if (length > 63 || i + length >= end) return "\x01";
    if (!out.empty()) out += '.';
    for (std::size_t k = i + 1; k <= i + length; ++k)
      out += d[k] > ' ' && d[k] < 0x7f && d[k] != '.' && d[k] != '\\' ? static_cast<char>(d[k])
                                                                      : '\x01';
    i += length + 1;
  }
  return out;
}

// A header alone: all that can be said when the question is not understood.
Reply bare(std::span<const std::byte> query, Rcode rcode) {
  Reply out{Bytes(kHeader), rcode, false};
  out.bytes[0] = query[0];
  out.bytes[1] = query[1];
  out.bytes[2] = (query[2] & std::byte{0x79}) | std::byte{0x80};  // opcode and RD are kept
  out.bytes[3] = static_cast<std::byte>(rcode);
  return out;
}

ldns_rr* make_record(const Record& r, const std::string& asked, const ldns_rdf* as_asked) {
  const std::string text = fmt::format("{}. {} IN {} {}", r.name, r.ttl, to_string(r.type), r.data);
  ldns_rr* rr = nullptr;
  if (ldns_rr_new_frm_str(&rr, text.c_str(), r.ttl, nullptr, nullptr) != LDNS_STATUS_OK)
    return nullptr;
  if (r.name == asked) {  // in the case of the question, which resolvers choose at random
    ldns_rdf_deep_free(ldns_rr_owner(rr));
    ldns_rr_set_owner(rr, ldns_rdf_clone(as_asked));
  }
  return rr;
}

struct Question {
  const ldns_pkt* packet;
  const ldns_rr* record;
  std::string name;  // lower case
  bool edns;
};

// Without records when `whole` is null.
std::optional<Bytes> write(const Question& q, const Answer& a, std::uint8_t extended,
                           bool truncated, bool records, bool additional) {
  const Packet p(ldns_pkt_new());
  ldns_pkt_set_id(p.get(), ldns_pkt_id(q.packet));
  ldns_pkt_set_qr(p.get(), true);
  ldns_pkt_set_rd(p.get(), ldns_pkt_rd(q.packet));
  ldns_pkt_set_cd(p.get(), ldns_pkt_cd(q.packet));
  ldns_pkt_set_aa(p.get(), a.authoritative);
  ldns_pkt_set_tc(p.get(), truncated);
  ldns_pkt_set_rcode(p.get(), static_cast<std::uint8_t>(a.rcode));
  (void)ldns_pkt_push_rr(p.get(), LDNS_SECTION_QUESTION, ldns_rr_clone(q.record));
  const auto add = [&](ldns_pkt_section section, const std::vector<Record>& list) {
    for (const auto& r : list) {
      ldns_rr* rr = make_record(r, q.name, ldns_rr_owner(q.record));
      if (rr == nullptr) return false;
      (void)ldns_pkt_push_rr(p.get(), section, rr);
    }
    return true;
  };
  if (records && (!add(LDNS_SECTION_ANSWER, a.answer) || !add(LDNS_SECTION_AUTHORITY, a.authority)))
    return std::nullopt;
  if (additional && !add(LDNS_SECTION_ADDITIONAL, a.additional)) return std::nullopt;
  if (q.edns) {
    ldns_pkt_set_edns_udp_size(p.get(), kMaxDatagram);
    ldns_pkt_set_edns_extended_rcode(p.get(), extended);
    ldns_pkt_set_edns_do(p.get(), ldns_pkt_edns_do(q.packet));  // RFC 3225 3
  }
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&wire, p.get(), &size) != LDNS_STATUS_OK) return std::nullopt;
  const auto* from = reinterpret_cast<const std::byte*>(wire);
  Bytes out(from, from + size);
  std::free(wire);
  return out;
}

std::size_t room(const Question& q, Over over) {
  if (over == Over::kTcp) return 65'535;
  if (!q.edns) return 512;
  return std::clamp<std::size_t>(ldns_pkt_edns_udp_size(q.packet), 512, kMaxDatagram);
}

Reply fit(std::span<const std::byte> query, const Question& q, const Answer& a,
          std::uint8_t extended, Over over) {
  for (const bool additional : {true, false}) {
    auto bytes = write(q, a, extended, false, true, additional);
    if (!bytes) return bare(query, Rcode::kServerFailure);
    if (bytes->size() <= room(q, over)) return {std::move(*bytes), a.rcode, false};
  }
  auto bytes = write(q, a, extended, true, false, false);
  if (!bytes) return bare(query, Rcode::kServerFailure);
  return {std::move(*bytes), a.rcode, true};
}

}  // namespace

std::optional<Reply> answer(std::span<const std::byte> query, Over over, const Zone& zone,
                            const Tenants& tenants) {
  if (query.size() < kHeader || query.size() > kMaxQuery) return std::nullopt;
  if ((octet(query, 2) & 0x80) != 0) return std::nullopt;  // an answer
  if (opcode_of(query) != LDNS_PACKET_QUERY) return bare(query, Rcode::kNotImplemented);
  const unsigned questions = octet(query, 4) << 8U | octet(query, 5);
  if (questions != 1) return bare(query, Rcode::kFormatError);
  const Packet p = parse(query);
  if (!p || ldns_rr_list_rr_count(ldns_pkt_question(p.get())) != 1)
    return bare(query, Rcode::kFormatError);
  const ldns_rr* record = ldns_rr_list_rr(ldns_pkt_question(p.get()), 0);
  // libldns takes OPT out of the section, and its count with it.
  const unsigned extra = octet(query, 10) << 8U | octet(query, 11);
  const unsigned options = extra - std::min<unsigned>(extra, ldns_pkt_arcount(p.get()));
  if (options > 1) return bare(query, Rcode::kFormatError);  // RFC 6891 6.1.1
  const Question q{p.get(), record, to_lower(text_of(ldns_rr_owner(record))), options == 1};
  Answer a;
  std::uint8_t extended = 0;
  if (q.edns && ldns_pkt_edns_version(p.get()) != 0) {
    a.authoritative = false;
    extended = 1;  // BADVERS is 16
  } else if (ldns_rr_get_class(record) != LDNS_RR_CLASS_IN) {
    a.rcode = Rcode::kRefused;
    a.authoritative = false;
  } else {
    a = zone.answer(q.name, static_cast<std::uint16_t>(ldns_rr_get_type(record)), tenants);
  }
  return fit(query, q, a, extended, over);
}

std::optional<Bytes> truncated(std::span<const std::byte> query) {
  if (query.size() < kHeader || (octet(query, 2) & 0xf8) != 0 || octet(query, 4) != 0 ||
      octet(query, 5) != 1)
    return std::nullopt;
  std::size_t at = kHeader;
  while (at < query.size() && octet(query, at) != 0) {
    if (octet(query, at) > 63) return std::nullopt;
    at += 1U + octet(query, at);
  }
  at += 5;  // the root, type and class
  if (at > query.size() || at > kHeader + 255 + 4) return std::nullopt;
  Bytes out(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(at));
  out[2] = (out[2] & std::byte{0x01}) | std::byte{0x82};
  out[3] = std::byte{0};
  std::fill(out.begin() + 6, out.begin() + kHeader, std::byte{0});
  return out;
}

Result<Bytes> make_query(std::string_view name, Type type, std::uint16_t id) {
  ldns_pkt* made = nullptr;
  if (ldns_pkt_query_new_frm_str(&made, std::string(name).c_str(), static_cast<ldns_rr_type>(type),
                                 LDNS_RR_CLASS_IN, LDNS_RD) != LDNS_STATUS_OK)
    return fail(ErrorCode::kMalformed, fmt::format("'{}' is no name", name));
  const Packet p(made);
  ldns_pkt_set_id(p.get(), id);
  ldns_pkt_set_edns_udp_size(p.get(), kMaxDatagram);
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&wire, p.get(), &size) != LDNS_STATUS_OK)
    return fail(ErrorCode::kMalformed, fmt::format("'{}' cannot be asked for", name));
  const auto* from = reinterpret_cast<const std::byte*>(wire);
  Bytes out(from, from + size);
  std::free(wire);
  return out;
}

namespace {

std::string data_of(const ldns_rr* rr, Type type) {
  std::string out;
  for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i) {
    const ldns_rdf* rdf = ldns_rr_rdf(rr, i);
    const std::uint8_t* d = ldns_rdf_data(rdf);
    const std::size_t size = ldns_rdf_size(rdf);
    if (type == Type::kTxt && size > 0) {
      out.append(reinterpret_cast<const char*>(d) + 1, size - 1);
    } else if (type == Type::kA && size == 4) {
      out = IpAddress::v4(static_cast<std::uint32_t>(d[0]) << 24U | d[1] << 16U | d[2] << 8U | d[3])
                .to_string();
    } else if (type == Type::kAaaa && size == 16) {
      std::array<std::uint8_t, 16> bytes{};
      std::copy_n(d, 16, bytes.begin());
      out = IpAddress::v6(bytes).to_string();
    }
  }
  return out;
}

}  // namespace

Result<Said> read_reply(std::span<const std::byte> reply, std::string_view name, Type type,
                        std::uint16_t id) {
  const auto no_answer = fail(ErrorCode::kMalformed, "no answer to the question");
  if (reply.size() < kHeader || (octet(reply, 2) & 0x80) == 0) return no_answer;
  const Packet p = parse(reply);
  if (!p || ldns_pkt_id(p.get()) != id || ldns_rr_list_rr_count(ldns_pkt_question(p.get())) != 1)
    return no_answer;
  const ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(p.get()), 0);
  if (!equal_ignoring_case(text_of(ldns_rr_owner(question)), name) ||
      static_cast<std::uint16_t>(ldns_rr_get_type(question)) != static_cast<std::uint16_t>(type))
    return no_answer;
  const auto code = ldns_pkt_get_rcode(p.get());
  if (ldns_pkt_tc(p.get()) || (code != LDNS_RCODE_NOERROR && code != LDNS_RCODE_NXDOMAIN))
    return fail(ErrorCode::kUnavailable, fmt::format("the name server says nothing of {} (code {})",
                                                     name, static_cast<int>(code)));
  Said out{static_cast<Rcode>(code), {}};
  const ldns_rr_list* answers = ldns_pkt_answer(p.get());
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(answers); ++i) {
    const ldns_rr* rr = ldns_rr_list_rr(answers, i);
    if (static_cast<std::uint16_t>(ldns_rr_get_type(rr)) == static_cast<std::uint16_t>(type))
      out.data.push_back(data_of(rr, type));
  }
  return out;
}

}  // namespace causeway::nameserver
