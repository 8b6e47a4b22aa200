// What may be written, and what a write brings with it: rules between records, audit texts, the
// rows for the backends. One transaction of one writer; nothing is committed here.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "provisioning/model.h"
#include "provisioning/problem.h"
#include "provisioning/rules.h"
#include "store/store.h"

namespace causeway::provisioning {

class Editor {
 public:
  // Both are borrowed.
  Editor(store::Writer& writer, const Rules& rules) : writer_(writer), rules_(rules) {}

  // True: it is new. Counts are those of the record that was.
  [[nodiscard]] Outcome<bool> put_account(store::AccountRecord& account);
  // 409 while it has numbers, unless they go, too.
  [[nodiscard]] Outcome<void> delete_account(std::string_view name, bool with_numbers);
  // All or none; each becomes as it is now. 404: no such account; 409: a number of another one.
  // True for those that are new.
  [[nodiscard]] Outcome<std::vector<bool>> put_numbers(const std::string& account,
                                                       std::vector<store::NumberRecord>& numbers);
  // All or none; 404 when one is not of this account.
  [[nodiscard]] Outcome<void> delete_numbers(const std::string& account,
                                             const std::vector<std::string>& numbers);
  [[nodiscard]] Outcome<void> put_request_for_information(store::RequestForInformation& request,
                                                          const std::string& before);

 private:
  using Writes = std::vector<store::Writer::NumberWrite>;
  [[nodiscard]] Outcome<void> check_length(const store::DirectRoutingAccount& account) const;
  [[nodiscard]] Outcome<void> check_addresses(const store::AccountRecord& account,
                                              std::span<const store::NumberRecord> numbers);
  [[nodiscard]] Outcome<void> delete_found(const store::AccountRecord& account,
                                           std::vector<store::NumberRecord> found);
  void set_state(store::ServiceSet services, store::SyncState& state, std::string& errors) const;
  void tell(std::vector<store::OutboxEntry>& to, store::ServiceSet services, std::int64_t change,
            std::string_view what, const std::string& key, const std::string& account) const;

  store::Writer& writer_;
  const Rules& rules_;
};

}  // namespace causeway::provisioning
