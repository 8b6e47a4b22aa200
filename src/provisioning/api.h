// The Provisioning API: a request and a store in, a response out. Any thread; waits for the store.
// Who may call, and how often, is decided before (gatekeeper.h). The versions and their models are
// in model.h; what is common to the operations is here and in api.cc, the operations in
// api_accounts.cc, api_numbers.cc and api_teams.cc.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "provisioning/filter.h"
#include "provisioning/http.h"
#include "provisioning/model.h"
#include "provisioning/problem.h"
#include "provisioning/rules.h"
#include "provisioning/subdomains.h"
#include "store/store.h"

namespace causeway::provisioning {

// What a caller must be allowed to do.
enum class Right : std::uint8_t { kRead, kWrite, kDelete };

struct Caller {
  std::string name;  // of the token: for the audit, and to keep repeatable requests apart
};

class Api {
 public:
  struct Options {
    std::string public_url;  // "https://provapi.example.net", for nextLink; empty: from Host
    Rules rules;
    Subdomains* subdomains = nullptr;  // borrowed; null: no domain, nothing is provisioned
  };
  Api(store::Store& store, Options options) : store_(store), options_(std::move(options)) {}

  // What the caller must be allowed for it; of what does not exist, by its method.
  [[nodiscard]] static Right right_of(const Request& request);
  [[nodiscard]] Response handle(const Request& request, const Caller& caller, WallTime now);
  // A refusal in the shape that the version of the request asks for.
  [[nodiscard]] static Response refusal(const Request& request, const Problem& problem);
  // Forgets answers that need not be repeated any more and changes that no follower needs.
  [[nodiscard]] Status tidy(WallTime now);

  static constexpr std::int64_t kRepeatableSeconds = 24 * 3'600;
  static constexpr std::int64_t kClockSkewSeconds = 300;

  // What an operation has to work with.
  struct Call {
    Api& api;
    const Request& request;
    const Target& target;
    const Caller& caller;
    WallTime now;
    Version version;
    std::string account;  // of the path, checked; empty: it has none
    std::string key;      // the number, the tenant, the address: checked
    [[nodiscard]] store::Store& store() const { return api.store_; }
    [[nodiscard]] const Rules& rules() const { return api.options_.rules; }
    [[nodiscard]] SubdomainStatus subdomain_status(const store::AccountRecord& a) const {
      return a.direct_routing && api.options_.subdomains != nullptr
                 ? api.options_.subdomains->status(*a.direct_routing)
                 : SubdomainStatus::kNotProvisioned;
    }
    [[nodiscard]] const std::string& public_url() const { return api.options_.public_url; }
  };

 private:
  friend struct Call;
  store::Store& store_;
  const Options options_;
};

// --- for the operations ---

// The body as JSON, of that media type.
[[nodiscard]] Outcome<Json> body_of(const Api::Call& call, std::string_view media_type);
// Query parameters besides api-version: an unknown one is refused.
[[nodiscard]] Outcome<void> only_parameters(const Api::Call& call,
                                            std::initializer_list<std::string_view> names);
[[nodiscard]] Outcome<bool> flag_parameter(const Api::Call& call, std::string_view name);

// A page of a list, asked for in the query of either version.
struct Listing {
  store::Page page;  // limit is one more than is shown
  std::int64_t shown = 0;
  std::optional<std::int64_t> top;  // how many there may be on this page and those behind it
  bool count = false;
};
[[nodiscard]] Outcome<Listing> listing_of(const Api::Call& call,
                                          std::span<const FilterField> fields,
                                          std::initializer_list<std::string_view> more_parameters);
// {"value": [...], "nextLink"}; `last` is the key of the last row that is shown.
[[nodiscard]] Response list_response(const Api::Call& call, const Listing& listing,
                                     Json::Array values, bool more, const std::string& last,
                                     std::optional<std::int64_t> count);

[[nodiscard]] Response json_response(int status, const Json& body);
// 200 with ETag and Last-Modified, or 304/412 when a condition is against it.
[[nodiscard]] Response resource_response(const Api::Call& call, std::int64_t version,
                                         WallTime modified, const Json& body);
// 412 when a condition of the request is against what is there.
[[nodiscard]] Outcome<void> conditions_hold(const Api::Call& call,
                                            const std::optional<Existing>& existing);

// One write transaction, or the answer to the same request from before. The work is done when the
// response comes back; it is committed with it.
[[nodiscard]] Outcome<Response> write(const Api::Call& call,
                                      const std::function<Outcome<Response>(store::Writer&)>& work);
[[nodiscard]] Outcome<Response> read(const Api::Call& call,
                                     const std::function<Outcome<Response>(store::Reader&)>& work);

// The operations.
[[nodiscard]] Outcome<Response> list_accounts(const Api::Call& call);
[[nodiscard]] Outcome<Response> get_account(const Api::Call& call);
[[nodiscard]] Outcome<Response> put_account(const Api::Call& call);
[[nodiscard]] Outcome<Response> delete_account(const Api::Call& call);
[[nodiscard]] Outcome<Response> list_numbers(const Api::Call& call);  // of an account, or of all
[[nodiscard]] Outcome<Response> get_number(const Api::Call& call);
[[nodiscard]] Outcome<Response> put_number(const Api::Call& call);
[[nodiscard]] Outcome<Response> delete_number(const Api::Call& call);
[[nodiscard]] Outcome<Response> put_batch(const Api::Call& call);
[[nodiscard]] Outcome<Response> delete_batch(const Api::Call& call);
[[nodiscard]] Outcome<Response> capability_plans(const Api::Call& call);
[[nodiscard]] Outcome<Response> available_capabilities(const Api::Call& call);
[[nodiscard]] Outcome<Response> list_addresses(const Api::Call& call);
[[nodiscard]] Outcome<Response> get_address(const Api::Call& call);
[[nodiscard]] Outcome<Response> list_requests(const Api::Call& call);
[[nodiscard]] Outcome<Response> get_request(const Api::Call& call);
[[nodiscard]] Outcome<Response> patch_request(const Api::Call& call);

}  // namespace causeway::provisioning
