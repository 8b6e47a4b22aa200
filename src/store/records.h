// What the store keeps, as plain values. JSON that only its maker and the API read is held as text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "directory/service.h"

namespace causeway::store {

using directory::index_of;
using directory::kEveryService;
using directory::kServices;
using directory::Service;
using directory::ServiceSet;
using enum directory::Service;

// The state at the backend services. There is no `synced` before there is something to say so.
enum class SyncState : std::uint8_t { kNone, kPending, kSynced, kFailed };

struct DirectRoutingAccount {
  bool call_screening = true;
  std::string subdomain, region1_token, region2_token;
  friend bool operator==(const DirectRoutingAccount&, const DirectRoutingAccount&) = default;
};

struct AccountRecord {
  std::string name;
  std::optional<std::string> correlation_id, tenant_id;
  bool has_details = false;                       // serviceDetails was given
  ServiceSet present = 0, enabled = 0, sync = 0;  // named; switched on; pushed to the backend
  std::optional<DirectRoutingAccount> direct_routing;
  SyncState state = SyncState::kNone;
  std::string errors;                            // JSON array; empty: none
  std::array<std::int64_t, kServices> counts{};  // numbers with each service; kept by the store
  std::int64_t numbers = 0;                      // all of them; kept by the store
  std::int64_t version = 0;                      // number of the change that made it so
  WallTime modified;
};

enum class Assignment : std::uint8_t { kNone, kAssigned, kUnassigned };

struct NumberService {
  Assignment assignment = Assignment::kNone;
  std::string configuration;  // JSON object; empty: none
  friend bool operator==(const NumberService&, const NumberService&) = default;
};

struct NumberRecord {
  std::string number;  // "+15105850321"
  std::string account;
  ServiceSet present = 0, enabled = 0;
  bool has_configuration = false;
  std::optional<std::string> custom_header;
  NumberService operator_connect, phone_mobile;
  SyncState state = SyncState::kNone;
  std::string errors;
  std::int64_t version = 0;
  WallTime modified;
};

// What a backend tells us and the API shows: key, the columns that are searched, and the resource.
struct RequestForInformation {
  std::string tenant_id;     // key, lower case
  std::string account;       // empty: tied to none
  std::string status;        // "active"
  std::string relationship;  // customerRelationship.status; empty: none
  std::string body;          // JSON object: the read-only members
  std::optional<std::string> comment;
  std::int64_t relationship_changed = 0;  // microseconds; 0: never
  SyncState state = SyncState::kNone;
  std::string errors;
  std::int64_t version = 0;
  WallTime modified;
};
struct CivicAddress {
  std::string tenant_id, id;
  std::string country, city, postal_code, validation_status, description, company;
  std::string body;  // JSON object: the resource
  std::int64_t version = 0;
  WallTime modified;
};
struct CapabilityPlan {
  std::string tenant_id;  // empty: offered to every tenant
  std::string name;
  std::string body;
};
struct NumberCapabilities {
  std::string number;
  std::string acquired, available;  // JSON arrays
};

// One line of the numbered change log. Numbers become visible in order: who has seen N has seen all
// below.
enum class ChangeKind : std::uint8_t { kAccount = 1, kNumber = 2, kRequestForInformation = 3 };
struct Change {
  std::int64_t number = 0;
  ChangeKind kind = ChangeKind::kNumber;
  std::string key;
  // As it is at the time of reading, which may be later than this change; nothing: it is gone.
  std::optional<AccountRecord> account;
  std::optional<NumberRecord> phone_number;
};
struct Changes {
  std::vector<Change> changes;
  std::int64_t last = 0;  // the newest there is, at the time of reading
};

struct AuditEntry {
  std::int64_t change = 0;
  WallTime at;
  std::string who, what, key;  // "put-number", "+1510..."
  std::string before, after;   // JSON; empty: it was not, it is no more
};

// What a backend is to be told.
struct OutboxEntry {
  std::int64_t change = 0;
  Service service = kOperatorConnect;
  std::string what, key, account;  // "put-number", "delete-number", "put-account" ...
  SyncState state = SyncState::kPending;
  WallTime at;
};

// An answer that is given again when the same request comes again.
struct Repeatable {
  std::string id;
  std::string fingerprint;  // of the request; another one under the same id is refused
  std::int64_t status = 0;
  std::string headers, body;
  WallTime at;
};

}  // namespace causeway::store
