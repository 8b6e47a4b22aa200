// Answers scrapes: on_scrape() only queues; run_queued() asks the shards on the management thread.
#pragma once

#include <mutex>
#include <vector>

#include "app/config_history.h"
#include "app/directory_service.h"
#include "app/gateway.h"
#include "app/metrics_server.h"
#include "app/metrics_text.h"
#include "app/nameserver_service.h"

namespace causeway::app {

class Metrics final : public ScrapeHandler {
 public:
  // `wake` is written to when something was queued. All are borrowed.
  Metrics(Gateway& gateway, const ConfigHistory& history, const DirectoryService& directory,
          int wake)
      : gateway_(gateway), history_(history), directory_(directory), wake_(wake) {}

  // Borrowed.
  void use(const NameserverService& nameserver) { nameserver_ = &nameserver; }

  void on_scrape(Scrape scrape) override;
  void run_queued();

 private:
  [[nodiscard]] MetricsSnapshot snapshot();

  Gateway& gateway_;
  const ConfigHistory& history_;
  const NameserverService* nameserver_ = nullptr;
  const DirectoryService& directory_;
  int wake_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::vector<Scrape> queue_;  // guarded by mutex_; as many as there are clients
};

}  // namespace causeway::app
