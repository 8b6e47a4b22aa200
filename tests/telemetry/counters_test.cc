#include "telemetry/counters.h"

#include <gmock/gmock.h>

namespace causeway::telemetry {
namespace {

TEST(LabelledCounter, CountsByLabelAndSums) {
  LabelledCounter a, b;
  a.add("malformed");
  a.add("loop", 3);
  b.add("malformed", 2);
  a.merge(b);
  EXPECT_EQ(a.get("malformed"), 3u);
  EXPECT_EQ(a.get("nothing"), 0u);
  EXPECT_EQ(a.total(), 6u);
}

TEST(LabelledCounter, ItsLabelsAreBounded) {
  LabelledCounter c;
  std::vector<std::string> labels;
  for (int i = 0; i < 200; ++i) labels.push_back("label" + std::to_string(i));
  for (const auto& l : labels) c.add(l);
  EXPECT_EQ(c.total(), 200u);
  EXPECT_EQ(c.all().size(), LabelledCounter::kMaxLabels + 1);
  EXPECT_EQ(c.all().back().first, "other");
}

}  // namespace
}  // namespace causeway::telemetry
