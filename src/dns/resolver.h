// Questions to the name service. Implementations: CaresResolver (the network), Cache (in front of
// it) and the simulated world's SimResolver. Everything on the shard's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "base/time.h"

namespace causeway::dns {

enum class RecordType : std::uint16_t { kA = 1, kCname = 5, kAaaa = 28, kSrv = 33, kNaptr = 35 };
[[nodiscard]] std::string_view to_string(RecordType type);  // "A"

struct Srv {
  std::uint16_t priority = 0, weight = 0, port = 0;
  std::string target;  // without the root dot; empty for "." (the service is not offered here)
  friend bool operator==(const Srv&, const Srv&) = default;
};

// RFC 3403. Only records that name another one are of use here (flags "s"); `flags` and `service`
// are in lower case.
struct Naptr {
  std::uint16_t order = 0, preference = 0;
  std::string flags, service;
  std::string replacement;  // without the root dot
  friend bool operator==(const Naptr&, const Naptr&) = default;
};

struct Record {
  RecordType type = RecordType::kA;  // never kCname: aliases are followed before an Answer is made
  Seconds ttl{0};                    // what is left of it; the least along a chain of aliases
  IpAddress address;                 // kA, kAaaa
  Srv srv;                           // kSrv
  Naptr naptr;                       // kNaptr
  friend bool operator==(const Record&, const Record&) = default;
};

inline constexpr std::size_t kMaxRecords = 64;  // of one Answer; more are dropped
inline constexpr std::size_t kMaxNameLength = 253;

// That a name or type does not exist is an answer too: no records.
struct Answer {
  std::vector<Record> records;
  bool name_exists = true;
  Seconds negative_ttl{0};  // how long "no records" holds (RFC 2308); 0 when not said
  bool from_stale = false;  // the name servers do not answer: records from the past
};

class ResolverClient {
 public:
  // Errors: kTimeout (no server answered), kUnavailable (SERVFAIL, REFUSED, too many questions at
  // once), kMalformed (an answer that makes no sense).
  virtual void on_answer(std::uint64_t token, const Result<Answer>& answer) = 0;

 protected:
  ~ResolverClient() = default;
};

class Resolver {
 public:
  virtual ~Resolver() = default;
  // Exactly one on_answer(token) follows, possibly from inside this call, unless it is cancelled.
  // Names are compared without regard to case; a root dot at the end does not matter.
  virtual void query(std::string_view name, RecordType type, ResolverClient& client,
                     std::uint64_t token) = 0;
  // Forgets every question of this client; no answer arrives after it.
  virtual void cancel(ResolverClient& client) = 0;
};

// Lower case, without the root dot.
[[nodiscard]] std::string canonical_name(std::string_view name);

}  // namespace causeway::dns
