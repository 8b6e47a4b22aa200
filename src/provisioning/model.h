// Records and what the two published versions of the API show of them. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provisioning/json.h"
#include "provisioning/problem.h"
#include "provisioning/subdomains.h"
#include "store/records.h"

namespace causeway::provisioning {

enum class Version : std::uint8_t { k2023, k2024 };
inline constexpr std::string_view kVersion2023 = "2023-10-01";
inline constexpr std::string_view kVersion2024 = "2024-02-29-preview";

inline constexpr std::size_t kBatch = 100;

// The member of serviceDetails: "teamsOperatorConnect".
[[nodiscard]] std::string_view service_name(store::Service s);

// What is known of numbers besides their records, by number.
using Capabilities = std::map<std::string, store::NumberCapabilities, std::less<>>;

// --- 2024-02-29-preview (model_2024.cc). A body that says a key says the one of the path. ---
[[nodiscard]] store::AccountRecord read_account_2024(const Json& body, std::string_view name,
                                                     std::vector<Fault>& faults);
[[nodiscard]] Json account_2024(const store::AccountRecord& a, SubdomainStatus status);
// `number`: that of the path; nullopt in a batch, where the body says it. `path`: "" or
// "numbers[3].".
[[nodiscard]] store::NumberRecord read_number_2024(const Json& body, std::string_view account,
                                                   std::optional<std::string_view> number,
                                                   const std::string& path,
                                                   std::vector<Fault>& faults);
[[nodiscard]] Json number_2024(const store::NumberRecord& n,
                               const store::NumberCapabilities* capabilities);
[[nodiscard]] Json request_for_information_2024(const store::RequestForInformation& r);
// Merge-patch: what is not named stays, null takes away.
void patch_request_for_information(const Json& body, store::RequestForInformation& r, WallTime now,
                                   std::vector<Fault>& faults);
// {"numbers": [{"telephoneNumber": ...}]}
[[nodiscard]] std::vector<std::string> read_number_identifiers(const Json& body,
                                                               std::vector<Fault>& faults);

// --- 2023-10-01 (model_2023.cc). What that version cannot say of a record that exists stays. ---
void read_account_2023(const Json& body, store::AccountRecord& a, std::vector<Fault>& faults);
// `status`: when it was asked for.
[[nodiscard]] Json account_2023(const store::AccountRecord& a,
                                std::optional<SubdomainStatus> status);
void read_number_2023(const Json& body, const std::string& path, store::NumberRecord& n,
                      std::vector<Fault>& faults);
[[nodiscard]] Json number_2023(const store::NumberRecord& n);

// For the audit: what both versions can say, without what the store counts.
[[nodiscard]] std::string audit_text(const store::AccountRecord& a);
[[nodiscard]] std::string audit_text(const store::NumberRecord& n);

// The ETag, without and with its quotes.
[[nodiscard]] std::string etag_2023(std::int64_t version);
[[nodiscard]] std::string etag_header(std::int64_t version);

}  // namespace causeway::provisioning
