// Columns and how a row of them becomes a record. Internal to store/.
#pragma once

#include "store/records.h"
#include "store/sql.h"

namespace causeway::store {

inline constexpr std::string_view kAccountColumns =
    "name, correlation_id, tenant_id, has_details, present, enabled, sync, call_screening, "
    "subdomain, region1_token, region2_token, state, errors, count_oc, count_tpm, count_dr, "
    "count_zoom, count_protection, numbers, version, modified";
inline constexpr std::string_view kNumberColumns =
    "number, account, present, enabled, has_configuration, custom_header, oc_assignment, "
    "oc_configuration, tpm_assignment, tpm_configuration, state, errors, version, modified";
inline constexpr std::string_view kRfiColumns =
    "tenant_id, account, status, relationship, body, comment, relationship_changed, state, errors, "
    "version, modified";
inline constexpr std::string_view kAddressColumns =
    "tenant_id, id, country, city, postal_code, validation_status, description, company, body, "
    "version, modified";

[[nodiscard]] std::string_view word(SyncState s);
[[nodiscard]] SyncState sync_state(std::string_view word);

[[nodiscard]] AccountRecord account_of(const Row& r);
[[nodiscard]] NumberRecord number_of(const Row& r);
[[nodiscard]] RequestForInformation rfi_of(const Row& r);
[[nodiscard]] CivicAddress address_of(const Row& r);

}  // namespace causeway::store
