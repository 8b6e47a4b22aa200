// What was sent and received on both sides of the gateway, shown as it happens. Lab thread.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/time.h"
#include "lab/loop.h"
#include "lab/number_plan.h"
#include "lab/sip_text.h"

namespace causeway::lab {

class Ladder {
 public:
  struct Settings {
    bool show = false;     // the ladder, on `out`
    bool options = false;  // OPTIONS too
    std::FILE* out = stdout;
    std::FILE* messages = nullptr;  // every message whole; borrowed
  };
  Ladder(const Loop& loop, Settings settings);
  // A message that the lab peer of `side` sent to the gateway, or got from it.
  void message(Side side, bool sent, const std::string& label, const SipMessage& m);
  void note(Side side, const std::string& label, const std::string& text);
  void heading();

 private:
  void line(Side side, const std::string& label, const std::string& text, int arrow);
  const Loop& loop_;
  Settings settings_;
  Instant start_;
  bool colour_ = false;
};

[[nodiscard]] std::string summary_of(const SipMessage& m);

}  // namespace causeway::lab
