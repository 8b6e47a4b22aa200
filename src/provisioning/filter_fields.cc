#include "provisioning/filter.h"

namespace causeway::provisioning {
namespace {

using Kind = FilterField::Kind;

constexpr FilterField kAccount[] = {
    {"name", Kind::kText, "name"},
    {"correlationId", Kind::kText, "correlation_id", true},
    {"serviceProvisioningStatus", Kind::kText, "NULLIF(state, '')", true},
    {"serviceDetails/teamsTenantId", Kind::kText, "tenant_id", true},
    {"serviceDetails/teamsOperatorConnect/enabled", Kind::kBoolean, "(enabled & 1)"},
    {"serviceDetails/teamsOperatorConnect/syncEnabled", Kind::kBoolean, "(sync & 1)"},
    {"serviceDetails/teamsOperatorConnect/numberCount", Kind::kInteger, "count_oc"},
    {"serviceDetails/teamsPhoneMobile/enabled", Kind::kBoolean, "(enabled & 2)"},
    {"serviceDetails/teamsPhoneMobile/syncEnabled", Kind::kBoolean, "(sync & 2)"},
    {"serviceDetails/teamsPhoneMobile/numberCount", Kind::kInteger, "count_tpm"},
    {"serviceDetails/teamsDirectRouting/enabled", Kind::kBoolean, "(enabled & 4)"},
    {"serviceDetails/teamsDirectRouting/syncEnabled", Kind::kBoolean, "(sync & 4)"},
    {"serviceDetails/teamsDirectRouting/numberCount", Kind::kInteger, "count_dr"},
    {"serviceDetails/teamsDirectRouting/configuration/subdomain", Kind::kText, "subdomain", true},
    {"serviceDetails/zoomPhoneCloudPeering/enabled", Kind::kBoolean, "(enabled & 8)"},
    {"serviceDetails/zoomPhoneCloudPeering/syncEnabled", Kind::kBoolean, "(sync & 8)"},
    {"serviceDetails/zoomPhoneCloudPeering/numberCount", Kind::kInteger, "count_zoom"},
    {"serviceDetails/azureOperatorCallProtection/enabled", Kind::kBoolean, "(enabled & 16)"},
    {"serviceDetails/azureOperatorCallProtection/numberCount", Kind::kInteger, "count_protection"},
};

constexpr FilterField kNumber[] = {
    {"telephoneNumber", Kind::kText, "number"},
    {"accountName", Kind::kText, "account"},
    {"configuration/customSipHeader", Kind::kText, "custom_header", true},
    {"serviceProvisioningStatus", Kind::kText, "NULLIF(state, '')", true},
    {"serviceDetails/teamsOperatorConnect/enabled", Kind::kBoolean, "(enabled & 1)"},
    {"serviceDetails/teamsOperatorConnect/assignmentStatus", Kind::kText,
     "CASE oc_assignment WHEN 1 THEN 'assigned' WHEN 2 THEN 'unassigned' END", true},
    {"serviceDetails/teamsPhoneMobile/enabled", Kind::kBoolean, "(enabled & 2)"},
    {"serviceDetails/teamsPhoneMobile/assignmentStatus", Kind::kText,
     "CASE tpm_assignment WHEN 1 THEN 'assigned' WHEN 2 THEN 'unassigned' END", true},
    {"serviceDetails/teamsDirectRouting/enabled", Kind::kBoolean, "(enabled & 4)"},
    {"serviceDetails/zoomPhoneCloudPeering/enabled", Kind::kBoolean, "(enabled & 8)"},
    {"serviceDetails/azureOperatorCallProtection/enabled", Kind::kBoolean, "(enabled & 16)"},
};

constexpr FilterField kRequest[] = {
    {"tenantId", Kind::kText, "tenant_id"},
    {"accountName", Kind::kText, "NULLIF(account, '')", true},
    {"status", Kind::kText, "NULLIF(status, '')", true},
    {"customerRelationship/status", Kind::kText, "NULLIF(relationship, '')", true},
    {"serviceProvisioningStatus", Kind::kText, "NULLIF(state, '')", true},
};

constexpr FilterField kAddress[] = {
    {"id", Kind::kText, "id"},
    {"country", Kind::kText, "NULLIF(country, '')", true},
    {"cityOrTown", Kind::kText, "NULLIF(city, '')", true},
    {"postalOrZipCode", Kind::kText, "NULLIF(postal_code, '')", true},
    {"validationStatus", Kind::kText, "NULLIF(validation_status, '')", true},
    {"description", Kind::kText, "NULLIF(description, '')", true},
    {"companyName", Kind::kText, "NULLIF(company, '')", true},
};

}  // namespace

std::span<const FilterField> account_filter_fields() { return kAccount; }
std::span<const FilterField> number_filter_fields() { return kNumber; }
std::span<const FilterField> request_filter_fields() { return kRequest; }
std::span<const FilterField> address_filter_fields() { return kAddress; }

}  // namespace causeway::provisioning
