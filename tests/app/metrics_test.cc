// What a scrape gets: the text as Prometheus reads it, the series as operating.md lists them, and a
// server that nobody holds up.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <regex>
#include <set>
#include <sstream>

#include "app/metrics_server.h"
#include "app/metrics_text.h"
#include "base/net.h"

namespace causeway::app {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

MetricsSnapshot sample() {
  MetricsSnapshot s;
  s.version = "1.0";
  s.shards = 2;
  s.calls_started = 7;
  s.ended = {{"completed", 3}, {"busy", 1}};
  s.refused = {{"limit_rate", 2}};
  s.transfers = {{"completed", 3}};
  s.names_answered = {{"noerror", 5}};
  s.dropped = {{"unknown_source", 100'000'000'000}};
  s.admitted = 0.25;
  s.groups = {{"core", 4}};
  s.peers = {{"core", "a", true, true, 4, 0}, {"cloud", "b\"\\\n", false, false, 0, 1'900'000'000}};
  s.directory = {10'000'000, 3, 200'000'000, 77, 1.5, true, 0.25, true};
  s.services = {{"zoom", 3, 9, 1}};
  s.accounts = {{"acme", 2, 8, 5}};
  s.trunks = {{"core", 8, 6, 1, 2, 3}, {"idle", 0, 0, 0, 0, 0}};
  s.answers.emplace_back().region = "north";
  s.answers[0].count[1][telemetry::AnswerCounts::kInvite][2] = 11;
  s.answers[0].count[0][telemetry::AnswerCounts::kOptions][0] = 12;
  s.certificates = {{"gateway", 1'800'000'000}};
  return s;
}

struct Parsed {
  std::map<std::string, std::string> type;  // by family
  std::map<std::string, double> value;      // by series with its labels
  std::set<std::string> families_of_samples;
};

// As promtool does: every line is a comment that is understood or a sample, a family is announced
// before its samples and only once, no series comes twice.
Parsed parse(const std::string& text) {
  Parsed out;
  EXPECT_TRUE(text.ends_with('\n'));
  const std::regex help("# HELP ([a-z_]+) (\\S.*)"), type("# TYPE ([a-z_]+) (counter|gauge)");
  const std::regex sample(
      R"re(([a-z_]+)(\{[a-z_]+="(?:[^"\\]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\]|\\["\\n])*")*\})? (-?[0-9.e+-]+))re");
  std::istringstream in(text);
  std::string current, announced;
  for (std::string line; std::getline(in, line);) {
    std::smatch m;
    if (std::regex_match(line, m, help)) {
      announced = m[1];
    } else if (std::regex_match(line, m, type)) {
      current = m[1];
      EXPECT_EQ(current, announced) << "HELP stands before TYPE";
      EXPECT_TRUE(out.type.emplace(current, m[2]).second) << current << " twice";
      EXPECT_EQ(m[2] == "counter", current.ends_with("_total")) << current;
    } else if (std::regex_match(line, m, sample)) {
      EXPECT_EQ(m[1], current) << line;
      EXPECT_TRUE(out.value.emplace(m[1].str() + m[2].str(), std::stod(m[3])).second) << line;
      out.families_of_samples.insert(m[1]);
    } else {
      ADD_FAILURE() << "not understood: " << line;
    }
  }
  return out;
}

TEST(MetricsText, IsReadAsPrometheusReadsIt) {
  const Parsed p = parse(render_metrics(sample()));
  EXPECT_EQ(p.value.at("causeway_calls_started_total"), 7);
  EXPECT_EQ(p.value.at("causeway_calls_ended_total{termination=\"busy\"}"), 1);
  EXPECT_EQ(p.value.at("causeway_messages_dropped_total{reason=\"unknown_source\"}"), 1e11);
  EXPECT_EQ(p.value.at("causeway_admitted_ratio"), 0.25);
  EXPECT_EQ(p.value.at("causeway_peer_up{group=\"core\",peer=\"a\"}"), 1);
  EXPECT_EQ(p.value.at(R"(causeway_peer_up{group="cloud",peer="b\"\\\n"})"), 0);
  EXPECT_EQ(p.value.at("causeway_service_calls_started_total{service=\"zoom\"}"), 9);
  EXPECT_EQ(p.value.at("causeway_account_calls_refused_total{account=\"acme\"}"), 5);
  EXPECT_EQ(p.value.at("causeway_group_effectiveness_ratio{group=\"core\"}"), 0.75);
  EXPECT_EQ(p.value.at("causeway_group_effectiveness_ratio{group=\"idle\"}"), 1);
  EXPECT_EQ(p.value.at("causeway_group_short_calls_total{group=\"core\"}"), 1);
  EXPECT_EQ(p.value.at("causeway_group_lost_calls_total{group=\"core\"}"), 2);
  EXPECT_EQ(p.value.at("causeway_group_poor_calls_total{group=\"core\"}"), 3);
  EXPECT_EQ(p.value.at("causeway_sip_answers_total{region=\"north\",direction=\"sent\",method="
                       "\"INVITE\",class=\"4xx\"}"),
            11);
  EXPECT_EQ(p.value.at("causeway_sip_answers_total{region=\"north\",direction=\"received\",method="
                       "\"OPTIONS\",class=\"2xx\"}"),
            12);
  EXPECT_EQ(p.value.at("causeway_tls_certificate_expiry_seconds{identity=\"gateway\"}"), 1.8e9);
  EXPECT_EQ(p.value.count("causeway_peer_certificate_expiry_seconds{group=\"core\",peer=\"a\"}"),
            0U)
      << "no certificate was seen";
}

TEST(MetricsText, EveryFamilyIsWrittenAndOperatingMdListsThemAll) {
  const Parsed p = parse(render_metrics(sample()));
  std::set<std::string> written, known, documented;
  for (const auto& [name, type] : p.type) written.insert(name);
  for (const auto& f : metric_families()) known.insert(std::string(f.name));
  EXPECT_EQ(written, known);
  EXPECT_EQ(p.families_of_samples, known) << "the sample above has something for each";
  std::ifstream in(std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/docs/operating.md");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("| `causeway_"))
      documented.insert(line.substr(3, line.find_first_of("`{", 3) - 3));
  EXPECT_EQ(documented, known);
}

TEST(HttpRequest, AsksForMetricsOrIsToldWhatIsWrong) {
  EXPECT_EQ(http_asks("GET /metrics HTTP/1.1\r\nHost: x\r\n"), HttpAsks::kNotYet);
  EXPECT_EQ(http_asks("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), HttpAsks::kMetrics);
  EXPECT_EQ(http_asks("GET /metrics?a=b HTTP/1.0\r\n\r\n"), HttpAsks::kMetrics);
  EXPECT_EQ(http_asks("GET / HTTP/1.1\r\n\r\n"), HttpAsks::kElsewhere);
  EXPECT_EQ(http_asks("POST /metrics HTTP/1.1\r\n\r\n"), HttpAsks::kOtherMethod);
  for (const char* bad : {"\r\n\r\n", "GET /metrics\r\n\r\n", "GET /metrics HTTP/2\r\n\r\n",
                          "GET /metrics x HTTP/1.1\r\n\r\n", "INVITE sip:a@b SIP/2.0\r\n\r\n"})
    EXPECT_EQ(http_asks(bad), HttpAsks::kNonsense) << bad;
  EXPECT_EQ(http_asks(std::string(kMaxHttpRequest, 'x')), HttpAsks::kNonsense);
}

class Client {
 public:
  explicit Client(const Endpoint& to) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_storage a{};
    const socklen_t n = to_sockaddr(to, a);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&a), n), 0);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  void say(std::string_view text) { (void)!::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Everything until the server closes.
  std::string all() {
    std::string out;
    char buffer[4'096];
    for (;;) {
      pollfd p{fd_, POLLIN, 0};
      if (::poll(&p, 1, 10'000) != 1) return out + " [nothing for ten seconds]";
      const auto n = ::read(fd_, buffer, sizeof buffer);
      if (n <= 0) return out;
      out.append(buffer, static_cast<std::size_t>(n));
    }
  }

 private:
  int fd_;
};

struct Answers : ScrapeHandler {
  std::string text = "causeway_calls 1\n";
  bool silent = false;
  std::mutex mutex;          // the server has a thread of its own
  std::vector<Scrape> kept;  // guarded by mutex
  void on_scrape(Scrape s) override {
    if (!silent) return s.answer(text);
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(s));
  }
};

std::unique_ptr<MetricsServer> serve(Answers& a,
                                     std::chrono::milliseconds time = MetricsServer::kTime) {
  auto s = MetricsServer::open(*Endpoint::parse("127.0.0.1:0"), a, time);
  EXPECT_TRUE(s) << s.error().what;
  return s ? std::move(*s) : nullptr;
}

TEST(MetricsServer, AnswersAScrapeInOnePieceOrMany) {
  Answers a;
  a.text = std::string(3'000'000, 'x');  // more than a socket takes at once
  const auto s = serve(a);
  Client c(s->local());
  for (const char* piece : {"GET /met", "rics HTTP/1.1\r\nHos", "t: x\r\n\r\n"}) c.say(piece);
  const std::string got = c.all();
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(got.substr(0, 300), HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(got.substr(0, 300), HasSubstr("Content-Length: 3000000\r\n"));
  EXPECT_TRUE(got.ends_with(a.text));
  Client other(s->local());
  other.say("GET /x HTTP/1.1\r\n\r\n");
  EXPECT_THAT(other.all(), StartsWith("HTTP/1.1 404 "));
  Client post(s->local());
  post.say("POST /metrics HTTP/1.1\r\n\r\n");
  EXPECT_THAT(post.all(), StartsWith("HTTP/1.1 405 "));
  Client odd(s->local());
  odd.say(std::string(20'000, 'x'));
  EXPECT_THAT(odd.all(), ::testing::AnyOf(StartsWith("HTTP/1.1 400 "), ""));
}

TEST(MetricsServer, WhoSaysNothingOrGetsNothingIsDroppedAfterAWhile) {
  Answers a;
  a.silent = true;
  const auto s = serve(a, std::chrono::milliseconds(100));
  Client idle(s->local());
  EXPECT_EQ(idle.all(), "");
  Client waits(s->local());
  waits.say("GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_EQ(waits.all(), "");
  const std::lock_guard lock(a.mutex);
  EXPECT_EQ(a.kept.size(), 1U);
  for (const auto& late : a.kept) late.answer("too late");
}

TEST(MetricsServer, ManyThatStayOpenKeepNobodyOut) {
  Answers a;
  const auto s = serve(a);
  std::vector<std::unique_ptr<Client>> idle;
  for (std::size_t i = 0; i < 3 * MetricsServer::kMaxClients; ++i)
    idle.push_back(std::make_unique<Client>(s->local()));
  Client c(s->local());
  c.say("GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_THAT(c.all(), HasSubstr(a.text));
}

TEST(MetricsServer, AnAddressThatIsTakenIsNamed) {
  Answers a;
  const auto s = serve(a);
  const auto again = MetricsServer::open(s->local(), a);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().what, HasSubstr(s->local().to_string()));
}

}  // namespace
}  // namespace causeway::app
