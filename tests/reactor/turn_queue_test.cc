#include "reactor/turn_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace causeway::reactor {
namespace {

std::string order(TurnQueue<std::string>& q) {
  std::string out;
  while (!q.empty()) out += (out.empty() ? "" : " ") + q.next();
  return out;
}

TEST(TurnQueue, KnownOnesComeBeforeNewcomersOfWhomEachHasItsTurn) {
  const IpAddress a = IpAddress::v4(1), b = IpAddress::v4(2), c = IpAddress::v4(3);
  TurnQueue<std::string> q;
  for (const char* job : {"a1", "a2", "a3", "a4"}) q.put(job, a, false);
  q.put("b1", b, false);
  q.put("known1", a, true);
  q.put("c1", c, false);
  q.put("b2", b, false);
  q.put("known2", b, true);
  EXPECT_EQ(order(q), "known1 known2 a1 b1 c1 a2 b2 a3 a4");
}

TEST(TurnQueue, WhoComesLaterWaitsForOneOfEachOtherAlone) {
  const IpAddress a = IpAddress::v4(1), b = IpAddress::v4(2);
  TurnQueue<std::string> q;
  for (int i = 0; i < 1'000; ++i) q.put("a", a, false);
  EXPECT_EQ(q.next(), "a");
  q.put("b", b, false);
  EXPECT_EQ(q.next(), "a");
  EXPECT_EQ(q.next(), "b");
  q.put("known", b, true);
  EXPECT_EQ(q.next(), "known");
  q.put("b", b, false);
  EXPECT_EQ(q.next(), "a");
  EXPECT_EQ(q.next(), "b") << "its turn comes again when it comes again";
}

}  // namespace
}  // namespace causeway::reactor
