#include "app/provisioning_service.h"

#include <condition_variable>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <thread>

#include "app/provisioning_rules.h"
#include "app/store_locator.h"
#include "app/subdomain_watch.h"
#include "base/log.h"
#include "provisioning/gatekeeper.h"
#include "provisioning/web_server.h"
#include "store/store.h"

namespace causeway::app {
namespace {

WallTime wall_now() {
  std::timespec ts{};
  std::timespec_get(&ts, TIME_UTC);
  return {ts.tv_sec * 1'000'000LL + ts.tv_nsec / 1'000};
}

}  // namespace

struct ProvisioningService::Impl {
  deployment::Provisioning settings;
  std::string locator;
  provisioning::Rules rules;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<SubdomainWatch> subdomains;  // null: no domain
  std::unique_ptr<provisioning::Api> api;
  std::unique_ptr<provisioning::Keys> keys;
  std::unique_ptr<provisioning::Gatekeeper> gatekeeper;
  std::unique_ptr<provisioning::WebServer> web;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::thread housekeeping;

  [[nodiscard]] Status open_store() {
    auto opened = store::Store::open(locator);
    if (!opened) return tl::unexpected(opened.error());
    store = std::move(*opened);
    return {};
  }
  // Needs the store.
  [[nodiscard]] Status serve() {
    const auto& p = settings;
    api = std::make_unique<provisioning::Api>(
        *store, provisioning::Api::Options{p.public_url, rules, subdomains.get()});
    keys = std::make_unique<provisioning::Keys>(p.issuer, provisioning::fetch_url);
    gatekeeper = std::make_unique<provisioning::Gatekeeper>(
        *api, *keys,
        provisioning::Gatekeeper::Options{
            {p.issuer, p.audiences, p.tenant}, p.sources, p.requests_per_minute});
    auto opened = provisioning::WebServer::open(
        {*p.listen, p.certificate, p.key, ""},
        [g = gatekeeper.get()](const provisioning::Request& r) { return g->handle(r, wall_now()); },
        [g = gatekeeper.get()](const IpAddress& a) { return g->may_connect(a); });
    if (!opened) return tl::unexpected(opened.error());
    web = std::move(*opened);
    log::info("provisioning: the API is served at https://{}", web->local().to_string());
    return {};
  }
  // What start() could not do, until it is done; then what is due now and then.
  void keep_house() {
    std::unique_lock lock(mutex);
    while (!web) {
      if (wake.wait_for(lock, kOpenAgain, [&] { return stopping; })) return;
      lock.unlock();
      Status s = store ? Status{} : open_store();
      if (s)
        if (s = serve(); !s) log::error("provisioning: the API is not served: {}", s.error().what);
      lock.lock();
    }
    while (!wake.wait_for(lock, std::chrono::minutes(10), [&] { return stopping; })) {
      lock.unlock();
      if (const Status s = api->tidy(wall_now()); !s)
        log::warning("provisioning: not tidied: {}", s.error().what);
      lock.lock();
    }
  }
  static constexpr std::chrono::seconds kOpenAgain{2};
};

ProvisioningService::ProvisioningService() = default;

Result<std::unique_ptr<ProvisioningService>> ProvisioningService::start(
    const deployment::Deployment& d, Store store) {
  std::unique_ptr<ProvisioningService> out(new ProvisioningService());
  if (!d.provisioning.listen) return out;
  std::error_code ec;
  std::filesystem::create_directories(d.operation.state_directory, ec);
  out->impl_ = std::make_unique<Impl>();
  Impl& i = *out->impl_;
  i.settings = d.provisioning;
  i.locator = store_locator(d);
  i.rules = rules_of(d);
  if (d.nameserver)
    i.subdomains = std::make_unique<SubdomainWatch>(
        *d.nameserver, [servers = servers_to_ask(*d.nameserver, d.resolvers)](
                           const std::string& name, nameserver::Type type) {
          return nameserver::ask_servers(servers, name, type);
        });
  if (const Status s = i.open_store(); !s) {
    if (store == Store::kMustBeThere) return tl::unexpected(s.error());
    log::error("provisioning: the API is not served until the store is there: {}", s.error().what);
  } else if (const Status served = i.serve(); !served) {
    return tl::unexpected(served.error());
  }
  i.housekeeping = std::thread([&i] { i.keep_house(); });
  return out;
}

ProvisioningService::~ProvisioningService() {
  if (!impl_) return;
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  if (impl_->housekeeping.joinable()) impl_->housekeeping.join();
  impl_->web.reset();
}

}  // namespace causeway::app
