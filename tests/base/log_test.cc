#include "base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <string>

namespace causeway::log {
namespace {

// Standard error is a pipe for a while.
class Pipe {
 public:
  Pipe() : kept_(::dup(2)) {
    EXPECT_EQ(::pipe(ends_), 0);
    ::dup2(ends_[1], 2);
    ::close(ends_[1]);
  }
  ~Pipe() {
    restore();
    ::close(ends_[0]);
  }
  void restore() {
    if (kept_ < 0) return;
    ::dup2(kept_, 2);
    ::close(kept_);
    kept_ = -1;
  }
  std::string read_until(std::string_view end, std::chrono::seconds most) {
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    const auto until = std::chrono::steady_clock::now() + most;
    while (text_.find(end) == std::string::npos && std::chrono::steady_clock::now() < until) {
      char buffer[65'536];
      const auto n = ::read(ends_[0], buffer, sizeof buffer);
      if (n > 0) text_.append(buffer, static_cast<std::size_t>(n));
    }
    return text_;
  }

 private:
  int ends_[2] = {-1, -1};
  int kept_;
  std::string text_;
};

TEST(Log, AStuckReaderOfStandardErrorStopsNobody) {
  Pipe pipe;
  {
    const Background background;
    const auto began = std::chrono::steady_clock::now();
    const std::string text(1'000, 'x');
    for (int i = 0; i < 5'000; ++i) info("{} {}", i, text);  // 5 MB; a pipe takes 64 KiB
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    const std::string all = pipe.read_until("lines of log were dropped", std::chrono::seconds(10));
    EXPECT_NE(all.find(" info 0 xxx"), std::string::npos);
    EXPECT_NE(all.find("lines of log were dropped"), std::string::npos);
    error("the last word");
  }  // waits for what is left
  EXPECT_NE(pipe.read_until("the last word\n", std::chrono::seconds(1)).find("the last word\n"),
            std::string::npos);
}

}  // namespace
}  // namespace causeway::log
