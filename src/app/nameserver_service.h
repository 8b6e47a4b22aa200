// The name server as part of the process: opened as the configuration in force says, and given new
// content when configuration, directory or challenges changed. Management thread; the server has a
// thread of its own.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "deployment/deployment.h"
#include "directory/directory.h"
#include "nameserver/server.h"

namespace causeway::app {

class NameserverService {
 public:
  // An error when an address cannot be had. Without [nameserver], or without `listen`, no socket.
  [[nodiscard]] static Result<std::unique_ptr<NameserverService>> start(
      const deployment::Deployment& deployment, const directory::DirectoryPtr& directory,
      WallTime now);

  // What is in force now; costs nothing when nothing changed. An address that cannot be had is said
  // in the log and in trouble(), and tried again after kAgain.
  void follow(const deployment::Deployment& deployment, const directory::DirectoryPtr& directory,
              WallTime now);
  static constexpr std::int64_t kAgain = 10'000'000;  // us

  // NAME is what a certificate is for: of the domain, "*." and "_acme-challenge." before it or not.
  [[nodiscard]] Status set_challenge(std::string_view name, std::string_view value, WallTime now);
  // Without a value all of the name; how many there were.
  [[nodiscard]] Result<std::size_t> clear_challenge(std::string_view name, std::string_view value,
                                                    WallTime now);
  [[nodiscard]] const nameserver::Challenges& challenges() const { return challenges_; }

  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  // Null: there is no server.
  [[nodiscard]] const nameserver::Server* server() const { return server_.get(); }
  [[nodiscard]] std::string domain() const { return settings_ ? settings_->domain : ""; }

 private:
  NameserverService() = default;
  [[nodiscard]] Status open();
  [[nodiscard]] nameserver::ContentPtr content();
  void refresh(WallTime now);
  [[nodiscard]] Result<std::string> relative(std::string_view name) const;

  std::shared_ptr<const deployment::Nameserver> settings_;  // null: none
  directory::DirectoryPtr directory_;
  nameserver::Challenges challenges_;
  std::unique_ptr<nameserver::Server> server_;
  std::uint32_t serial_ = 0;
  std::string trouble_;
  WallTime failed_;
};

}  // namespace causeway::app
