#include "app/restart_keys.h"

#include <gtest/gtest.h>

namespace causeway::app {
namespace {

TEST(RestartKeys, ChangedOnesAreNamedAndKeepTheirOldValues) {
  deployment::Deployment started;
  started.operation.shards = 2;
  deployment::Deployment next = started;
  EXPECT_TRUE(changed_restart_keys(started, next).empty());
  next.operation.shards = 4;
  next.operation.control_socket = "/tmp/other.sock";
  next.operation.codec_plugins = "/usr/lib/other";
  next.operation.drain = Seconds(1);
  next.operation.node = NodeId{7};
  next.resolvers.push_back(*Endpoint::parse("192.0.2.53:53"));
  EXPECT_EQ(changed_restart_keys(started, next),
            (std::vector<std::string>{"resolvers", "operation.node", "operation.shards",
                                      "operation.control_socket", "operation.codec_plugins"}));
  keep_restart_keys(next, started);
  EXPECT_TRUE(changed_restart_keys(started, next).empty());
  EXPECT_EQ(next.operation.shards, 2);
  EXPECT_EQ(next.operation.drain, Seconds(1)) << "in force at once";
}

}  // namespace
}  // namespace causeway::app
