#include "app/nameserver_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/host_name.h"
#include "base/log.h"
#include "deployment/nameserver.h"

namespace causeway::app {
namespace {

// Only the accounts: the numbers of a directory are not kept for the sake of names.
class DirectoryTenants : public nameserver::Tenants {
 public:
  explicit DirectoryTenants(const directory::AccountTable& accounts) : accounts_(accounts) {}
  [[nodiscard]] std::optional<nameserver::Tenant> of_label(std::string_view label) const override {
    const auto* node = accounts_.of_subdomain(to_lower(label));
    if (node == nullptr || !node->present) return std::nullopt;
    const auto& a = node->account;
    return nameserver::Tenant{a.subdomain, a.region1_token, a.region2_token};
  }

 private:
  const directory::AccountTable accounts_;
};

}  // namespace

Result<std::unique_ptr<NameserverService>> NameserverService::start(
    const deployment::Deployment& d, const directory::DirectoryPtr& directory, WallTime now) {
  std::unique_ptr<NameserverService> out(new NameserverService());
  out->settings_ = d.nameserver;
  out->directory_ = directory;
  out->serial_ = static_cast<std::uint32_t>(now.micros / 1'000'000);
  if (auto ok = out->open(); !ok) return tl::unexpected(ok.error());
  return out;
}

Status NameserverService::open() {
  server_.reset();
  trouble_.clear();
  if (!settings_ || settings_->listen.empty()) return {};
  auto server = nameserver::Server::open(settings_->listen, content());
  if (!server) {
    trouble_ = server.error().what;
    return tl::unexpected(server.error());
  }
  server_ = std::move(*server);
  for (const auto& at : server_->local())
    log::info("name server: {} is answered for at {}", settings_->domain, at.udp.to_string());
  return {};
}

nameserver::ContentPtr NameserverService::content() {
  return std::make_shared<const nameserver::Content>(
      nameserver::Content{nameserver::Zone(*settings_, challenges_, serial_),
                          std::make_shared<DirectoryTenants>(directory_->account_table()),
                          {settings_->answers_per_second, 0},
                          settings_->slip});
}

// The serial is the time of the change, and grows with each of several in a second.
void NameserverService::refresh(WallTime now) {
  serial_ = std::max(serial_ + 1, static_cast<std::uint32_t>(now.micros / 1'000'000));
  if (server_) server_->replace(content());
}

void NameserverService::follow(const deployment::Deployment& d,
                               const directory::DirectoryPtr& directory, WallTime now) {
  const bool configured = settings_ != d.nameserver;
  const bool again = !trouble_.empty() && now.micros - failed_.micros >= kAgain;
  if (!configured && !again && directory == directory_) return;
  const auto listen = [](const auto& s) { return s ? s->listen : std::vector<Endpoint>{}; };
  const bool elsewhere = listen(settings_) != listen(d.nameserver);
  if (configured && domain() != (d.nameserver ? d.nameserver->domain : "")) challenges_.clear();
  settings_ = d.nameserver;
  directory_ = directory;
  if (settings_) refresh(now);
  if (!elsewhere && !again) return;
  if (auto ok = open(); !ok) {
    failed_ = now;
    log::error("name server: not answering, tried again in {} s: {}", kAgain / 1'000'000, trouble_);
  }
}

// "provapi" of "*._acme-challenge.provapi.DOMAIN"; "" of the domain.
Result<std::string> NameserverService::relative(std::string_view given) const {
  if (!settings_)
    return fail(ErrorCode::kNotFound, "there is no [nameserver] in the configuration");
  std::string name = to_lower(given);
  if (name.ends_with('.')) name.pop_back();
  for (const std::string_view prefix : {"_acme-challenge.", "*."})
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  if (name == settings_->domain) return std::string();
  if (!name.ends_with("." + settings_->domain) || !is_host_name(name) || name.size() > 200)
    return fail(ErrorCode::kNotFound,
                fmt::format("'{}' is no name below {}", given, settings_->domain));
  return name.substr(0, name.size() - settings_->domain.size() - 1);
}

Status NameserverService::set_challenge(std::string_view name, std::string_view value,
                                        WallTime now) {
  const auto at = relative(name);
  if (!at) return tl::unexpected(at.error());
  if (!nameserver::is_challenge(value))
    return fail(ErrorCode::kMalformed,
                fmt::format("'{}' is no challenge: 1 to 128 letters, digits, '-' and '_'", value));
  const auto [from, to] = challenges_.equal_range(*at);
  if (std::any_of(from, to, [&](const auto& c) { return c.second == value; })) return {};
  if (challenges_.size() >= nameserver::kMaxChallenges)
    return fail(
        ErrorCode::kTooLarge,
        fmt::format("there are {} challenges: clear those that were answered", challenges_.size()));
  challenges_.emplace(*at, value);
  refresh(now);
  return {};
}

Result<std::size_t> NameserverService::clear_challenge(std::string_view name,
                                                       std::string_view value, WallTime now) {
  const auto at = relative(name);
  if (!at) return tl::unexpected(at.error());
  const auto gone = std::erase_if(challenges_, [&](const auto& c) {
    return c.first == *at && (value.empty() || c.second == value);
  });
  if (gone != 0) refresh(now);
  return gone;
}

}  // namespace causeway::app
