#include "lab/name_service.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "lab/certs.h"
#include "lab/sip_text.h"

namespace causeway::lab {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::uint16_t kClassIn = 1;

void put16(std::string& out, unsigned v) {
  out += static_cast<char>(v >> 8);
  out += static_cast<char>(v);
}

void put32(std::string& out, std::uint32_t v) {
  put16(out, v >> 16);
  put16(out, v & 0xffff);
}

unsigned get16(std::string_view s, std::size_t at) {
  return (static_cast<unsigned char>(s[at]) << 8) | static_cast<unsigned char>(s[at + 1]);
}

void put_name(std::string& out, std::string_view name) {
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  out += '\0';
}

// The name of the question; advances `at`. Compression does not occur in a first question.
bool read_name(std::string_view q, std::size_t& at, std::string& name) {
  while (at < q.size()) {
    const auto n = static_cast<unsigned char>(q[at]);
    ++at;
    if (n == 0) return true;
    if (n > 63 || at + n > q.size() || name.size() > 255) return false;
    if (!name.empty()) name += '.';
    for (std::size_t i = 0; i < n; ++i)
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(q[at + i])));
    at += n;
  }
  return false;
}

std::string record_data(const ZoneRecord& r) {
  std::string d;
  const auto& b = r.address.bytes();
  switch (r.type) {
    case ZoneRecord::Type::kA: d.assign(reinterpret_cast<const char*>(b.data()), 4); break;
    case ZoneRecord::Type::kAaaa: d.assign(reinterpret_cast<const char*>(b.data()), 16); break;
    case ZoneRecord::Type::kSrv:
      put16(d, r.priority);
      put16(d, r.weight);
      put16(d, r.port);
      put_name(d, r.target);
      break;
  }
  return d;
}

Result<ZoneRecord> parse_record(const std::string& line) {
  std::istringstream in(line);
  ZoneRecord r;
  std::string type, data;
  const auto bad = [&] { return fail(ErrorCode::kMalformed, "zone line: " + line); };
  if (!(in >> r.name >> r.ttl >> type)) return bad();
  std::transform(r.name.begin(), r.name.end(), r.name.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  if (r.name.ends_with('.')) r.name.pop_back();
  if (type == "SRV") {
    r.type = ZoneRecord::Type::kSrv;
    if (!(in >> r.priority >> r.weight >> r.port >> r.target)) return bad();
    if (r.target.ends_with('.')) r.target.pop_back();
    return r;
  }
  if ((type != "A" && type != "AAAA") || !(in >> data)) return bad();
  auto a = IpAddress::parse(data);
  if (!a || a->is_v6() != (type == "AAAA")) return bad();
  r.type = type == "A" ? ZoneRecord::Type::kA : ZoneRecord::Type::kAaaa;
  r.address = *a;
  return r;
}

}  // namespace

Result<Zone> parse_zone(std::string_view text) {
  Zone zone;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    auto r = parse_record(line);
    if (!r) return tl::unexpected(r.error());
    if (zone.size() >= 10'000) return fail(ErrorCode::kTooLarge, "more than 10000 records");
    zone.push_back(std::move(*r));
  }
  return zone;
}

Zone built_in_zone() {
  const std::string d = kServiceDomain;
  std::string text = std::string(kGatewayName) + " 60 A 127.0.0.31\n";
  const char* names[] = {"sip", "sip2", "sip3"};
  for (int i = 0; i < 3; ++i) {
    const std::string name = std::string(names[i]) + "." + d;
    text += name + " 60 A 127.0.0.1" + std::to_string(i + 1) + "\n";
    text += "_sips._tcp." + name + " 60 SRV 1 1 5061 " + name + "\n";
  }
  // Where the Contact of the service points; nothing listens there, for requests go by
  // Record-Route.
  text += "api-du-a-euwe." + d + " 60 A 127.0.0.19\n";
  return *parse_zone(text);
}

const ZoneRecord* find_address(const Zone& zone, std::string_view name) {
  for (const auto& r : zone)
    if (r.type != ZoneRecord::Type::kSrv && same_text(r.name, name)) return &r;
  return nullptr;
}

std::string answer_query(const Zone& zone, std::string_view q) {
  if (q.size() < kHeaderBytes || (static_cast<unsigned char>(q[2]) & 0xf8) != 0) return {};
  if (get16(q, 4) != 1) return {};
  std::size_t at = kHeaderBytes;
  std::string name;
  if (!read_name(q, at, name) || at + 4 > q.size()) return {};
  const unsigned type = get16(q, at), cls = get16(q, at + 2);
  const std::string question(q.substr(kHeaderBytes, at + 4 - kHeaderBytes));

  std::string answers;
  unsigned count = 0;
  bool exists = false;
  for (const auto& r : zone) {
    // A name that only has names below it exists too (RFC 8020): no NXDOMAIN for it.
    if (r.name.ends_with("." + name)) exists = true;
    if (r.name != name) continue;
    exists = true;
    if (cls != kClassIn || static_cast<unsigned>(r.type) != type || count == 32) continue;
    put16(answers, 0xc000 | kHeaderBytes);  // the name of the question
    put16(answers, type);
    put16(answers, kClassIn);
    put32(answers, r.ttl);
    const std::string data = record_data(r);
    put16(answers, static_cast<unsigned>(data.size()));
    answers += data;
    ++count;
  }
  std::string out(q.substr(0, 2));
  const unsigned recursion_desired = static_cast<unsigned char>(q[2]) & 1;
  put16(out, 0x8400 | (recursion_desired << 8) | (exists ? 0 : 3));
  put16(out, 1);
  put16(out, count);
  put32(out, 0);
  return out + question + answers;
}

NameService::~NameService() {
  if (fd_ < 0) return;
  loop_.unwatch(fd_);
  close(fd_);
}

Status NameService::open(const Endpoint& at) {
  sockaddr_storage sa{};
  socklen_t n = to_sockaddr(at, sa);
  fd_ =
      socket(at.address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0 || bind(fd_, reinterpret_cast<sockaddr*>(&sa), n) != 0)
    return fail(ErrorCode::kIo, "name service on " + at.to_string() + ": " + std::strerror(errno));
  n = sizeof sa;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&sa), &n);
  address_ = from_sockaddr(sa);
  loop_.watch(fd_, EPOLLIN, [this](std::uint32_t) { read_all(); });
  return {};
}

void NameService::read_all() {
  char buf[2048];
  for (;;) {
    sockaddr_storage sa{};
    socklen_t len = sizeof sa;
    const auto n = recvfrom(fd_, buf, sizeof buf, 0, reinterpret_cast<sockaddr*>(&sa), &len);
    if (n < 0) return;
    ++queries_;
    const std::string out = answer_query(zone_, std::string_view(buf, static_cast<std::size_t>(n)));
    if (out.empty()) continue;
    (void)!sendto(fd_, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&sa), len);
  }
}

}  // namespace causeway::lab
