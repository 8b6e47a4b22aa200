#include "telemetry/record.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace causeway::telemetry {
namespace {

constexpr std::int64_t kDay = 1'790'035'200'000'000;  // 2026-09-22T00:00:00Z

CallRecord sample() {
  CallRecord r;
  r.call = 0xabc;
  r.node = 3;
  r.region = "north";
  r.started = {kDay - 5'000'000};
  r.ringing = {kDay - 4'000'000};
  r.answered = {kDay - 2'500'000};
  r.ended = {kDay - 1};
  r.from = "+1";
  r.to = "a\"b,c\nd\xff";
  r.termination = "answered";
  r.sip_status = 200;
  r.released_by = Released::kCallee;
  r.from_caller = {"PCMA", false, 100, 2, 1'250};
  return r;
}

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream s;
  s << in.rdbuf();
  return s.str();
}

std::string fresh_directory(const std::string& name) {
  const std::string d =
      ::testing::TempDir() + "/causeway-records-" + name + "-" + std::to_string(::getpid());
  std::filesystem::remove_all(d);
  return d;
}

TEST(CallRecord, JsonHoldsEveryFieldOnOneLine) {
  const std::string line = to_json_line(sample());
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const auto j = nlohmann::json::parse(line);
  EXPECT_EQ(j.size(), record_fields().size());
  for (const auto& f : record_fields()) EXPECT_TRUE(j.contains(f)) << f;
  EXPECT_EQ(j["call"], "0000000000000abc");
  EXPECT_EQ(j["setup_ms"], 2'500);
  EXPECT_EQ(j["duration_ms"], 2'499);
  EXPECT_EQ(j["started"], "2026-09-21T23:59:55.000000Z");
  EXPECT_EQ(j["to"], "a\"b,c\nd\xef\xbf\xbd");
  EXPECT_EQ(j["q850_cause"], nullptr);
  EXPECT_EQ(j["emergency"], false);
  EXPECT_EQ(j["released_by"], "callee");
  EXPECT_EQ(j["caller_jitter_ms"], 1.25);
}

TEST(CallRecord, CsvHasAsManyFieldsAsItsHeaderAndOneLine) {
  const std::string header = csv_header();
  EXPECT_EQ(static_cast<std::size_t>(std::count(header.begin(), header.end(), ',')) + 1,
            record_fields().size());
  CallRecord r = sample();
  const std::string line = to_csv_line(r);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_THAT(line, ::testing::HasSubstr(",\"a\"\"b,c d\xff\","));
  r.to = "plain";
  const std::string plain = to_csv_line(r);
  EXPECT_EQ(std::count(plain.begin(), plain.end(), ','),
            std::count(header.begin(), header.end(), ','));
}

TEST(CallRecord, ACallThatNobodyAnsweredHasNoDuration) {
  CallRecord r = sample();
  r.answered = {};
  EXPECT_EQ(r.duration_ms(), 0);
  EXPECT_EQ(r.setup_ms(), 4'999);
}

TEST(CallRecordDocument, NamesEveryFieldAndNoOther) {
  std::set<std::string> documented;
  std::istringstream doc(
      read(std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/docs/call-records.md"));
  for (std::string line; std::getline(doc, line);)
    if (line.starts_with("| `")) documented.insert(line.substr(3, line.find('`', 3) - 3));
  const auto fields = record_fields();
  EXPECT_EQ(documented, std::set<std::string>(fields.begin(), fields.end()));
}

TEST(RecordWriter, WritesBothFormsAndRotatesAtMidnight) {
  const std::string dir = fresh_directory("rotate");
  {
    RecordWriter::Options o;
    o.directory = dir;
    auto w = RecordWriter::open(o);
    ASSERT_TRUE(w) << w.error().what;
    CallRecord r = sample();
    EXPECT_TRUE((*w)->post(r));
    r.ended = {kDay};
    EXPECT_TRUE((*w)->post(r));
    EXPECT_TRUE((*w)->post(r));
    (*w)->flush();
    EXPECT_EQ((*w)->statistics().written, 3u);
  }
  const std::string first = read(dir + "/calls-2026-09-21.jsonl"),
                    second = read(dir + "/calls-2026-09-22.jsonl");
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 1);
  EXPECT_EQ(std::count(second.begin(), second.end(), '\n'), 2);
  EXPECT_TRUE(read(dir + "/calls-2026-09-22.csv").starts_with(csv_header()));
  std::filesystem::remove_all(dir);
}

TEST(RecordWriter, AppendsToTheFileOfAnEarlierRunWithoutASecondHeader) {
  const std::string dir = fresh_directory("append");
  for (int run = 0; run < 2; ++run) {
    RecordWriter::Options o;
    o.directory = dir;
    auto w = RecordWriter::open(o);
    ASSERT_TRUE(w);
    CallRecord r = sample();
    r.to = "x";
    EXPECT_TRUE((*w)->post(r));
    (*w)->stop();
    EXPECT_FALSE((*w)->post(r));
  }
  const std::string csv = read(dir + "/calls-2026-09-21.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  std::filesystem::remove_all(dir);
}

TEST(RecordWriter, SaysWhyItCannotBegin) {
  RecordWriter::Options o;
  o.directory = "/proc/nowhere";
  const auto w = RecordWriter::open(o);
  ASSERT_FALSE(w);
  EXPECT_THAT(w.error().what, ::testing::HasSubstr("/proc/nowhere"));
}

}  // namespace
}  // namespace causeway::telemetry
