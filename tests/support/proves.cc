#include "support/proves.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace causeway::testing {
namespace {

std::vector<std::string>& current() {
  static std::vector<std::string> ids;
  return ids;
}

class Recorder : public ::testing::EmptyTestEventListener {
  struct Row {
    std::string id, test, result;
  };
  std::vector<Row> rows_;

  void OnTestStart(const ::testing::TestInfo&) override { current().clear(); }
  void OnTestEnd(const ::testing::TestInfo& info) override {
    const auto& r = *info.result();
    const char* result = r.Skipped() ? "skipped" : r.Passed() ? "passed" : "failed";
    for (const auto& id : current())
      rows_.push_back({id, std::string(info.test_suite_name()) + "." + info.name(), result});
  }
  void OnTestProgramEnd(const ::testing::UnitTest& u) override {
    const char* dir = std::getenv("CAUSEWAY_REQUIREMENTS_DIR");
    if (!dir) return;
    std::filesystem::create_directories(dir);
    const auto self = std::filesystem::read_symlink("/proc/self/exe").filename().string();
    std::ofstream out(std::string(dir) + "/" + self + ".json");
    out << "[";
    for (std::size_t i = 0; i < rows_.size(); ++i)
      out << (i ? ",\n " : "\n ") << "{\"id\":\"" << rows_[i].id << "\",\"test\":\"" << self << ":"
          << rows_[i].test << "\",\"result\":\"" << rows_[i].result << "\"}";
    out << "\n]\n";
    (void)u;
  }
};
}  // namespace

void proves(std::initializer_list<const char*> ids) {
  for (const char* id : ids) current().emplace_back(id);
}

}  // namespace causeway::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  ::testing::UnitTest::GetInstance()->listeners().Append(new causeway::testing::Recorder);
  return RUN_ALL_TESTS();
}
