#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <condition_variable>
#include <cstring>
#include <fstream>
#include <functional>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "app/cli.h"
#include "app/control_client.h"
#include "app/control_server.h"
#include "temporary.h"

namespace causeway::app {
namespace {

using testing::Folder;
using ::testing::HasSubstr;

struct Handler : ControlHandler {
  std::function<void(const Request&, Responder)> act;
  void on_command(const Request& request, Responder responder) override {
    act(request, std::move(responder));
  }
};

std::unique_ptr<ControlServer> serve(const std::string& path, Handler& h) {
  auto s = ControlServer::open(path, h);
  EXPECT_TRUE(s) << s.error().what;
  return s ? std::move(*s) : nullptr;
}

int connect_raw(const std::string& path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::memcpy(a.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a), 0);
  return fd;
}

TEST(ControlProtocol, WhatIsWrittenIsReadBack) {
  const Request r{"calls", {{"number", "+44\n\"x\""}, {"failed", "true"}}};
  EXPECT_EQ(*decode_request(encode(r)), r);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t n = 0; n < 5; ++n) {
    const ResponseLine bytes{ResponseLine::Kind::kBytes, all.substr(0, 250 + n), {}};
    EXPECT_EQ(*decode_response(encode(bytes)), bytes);
  }
  for (const auto& l : {ResponseLine{ResponseLine::Kind::kHead, "", {"a", "b"}},
                        ResponseLine{ResponseLine::Kind::kRow, "", {"", "ü"}},
                        ResponseLine{ResponseLine::Kind::kText, "x", {}},
                        ResponseLine{ResponseLine::Kind::kDone, "", {}},
                        ResponseLine{ResponseLine::Kind::kFailed, "why", {}}})
    EXPECT_EQ(*decode_response(encode(l)), l);
  for (const char* bad :
       {"", "[]", "{}", "{\"command\":1}", "{\"command\":\"a\",\"args\":{\"b\":1}}"})
    EXPECT_FALSE(decode_request(bad)) << bad;
  for (const char* bad :
       {"", "1", "{}", "{\"row\":[1]}", "{\"bytes\":\"a\"}", "{\"bytes\":\"****\"}"})
    EXPECT_FALSE(decode_response(bad)) << bad;
}

TEST(Control, AnAnswerComesBackInAlignedColumns) {
  const Folder f;
  Handler h;
  h.act = [](const Request& r, const Responder& to) {
    to.text("command " + r.command + " peer " + r.arg("peer"));
    to.head({"peer", "state", "calls"});
    to.row({"site-a", "up", "12"});
    to.row({"b", "draining", "3"});
    to.done();
  };
  const auto s = serve(f / "c.sock", h);
  CommandLine line;
  line.command = "calls";
  line.options = {{"socket", f / "c.sock"}, {"peer", "x"}};
  std::ostringstream out, err;
  EXPECT_EQ(run_remote(line, out, err), kExitGood) << err.str();
  EXPECT_EQ(out.str(),
            "command calls peer x\n"
            "peer    state     calls\n"
            "site-a  up           12\n"
            "b       draining      3\n");
}

TEST(Control, TheAnswerMayComeLaterFromAnotherThread) {
  const Folder f;
  Handler h;
  std::thread later;
  h.act = [&](const Request&, Responder to) {
    later = std::thread([to = std::move(to)] {
      to.text("late");
      to.done();
    });
  };
  const auto s = serve(f / "c.sock", h);
  std::vector<std::string> lines;
  const auto r = ask(f / "c.sock", {"status", {}}, [&](const ResponseLine& l) -> Status {
    lines.push_back(l.text);
    return {};
  });
  later.join();
  EXPECT_TRUE(r) << r.error().what;
  EXPECT_THAT(lines, ::testing::ElementsAre("late"));
}

TEST(Control, AForgottenResponderTellsTheClient) {
  const Folder f;
  Handler h;
  h.act = [](const Request&, const Responder&) {};
  const auto s = serve(f / "c.sock", h);
  const auto r = ask(f / "c.sock", {"status", {}}, [](const ResponseLine&) { return Status{}; });
  ASSERT_FALSE(r);
  EXPECT_THAT(r.error().what, HasSubstr("no answer"));
}

TEST(Control, CapturesArriveByteForByte) {
  const Folder f;
  Handler h;
  std::string data;
  for (int i = 0; i < 300'000; ++i) data += static_cast<char>(i * 7);
  h.act = [&](const Request& r, const Responder& to) {
    EXPECT_EQ(r.arg("name"), "site-a");
    to.bytes(std::as_bytes(std::span(data)));
    to.done();
  };
  const auto s = serve(f / "c.sock", h);
  CommandLine line;
  line.command = "capture";
  line.operands = {"site-a"};
  line.options = {{"socket", f / "c.sock"}, {"out", f / "x.pcapng"}};
  std::ostringstream out, err;
  EXPECT_EQ(run_remote(line, out, err), kExitGood) << err.str();
  std::ifstream in(f / "x.pcapng", std::ios::binary);
  std::ostringstream read;
  read << in.rdbuf();
  EXPECT_EQ(read.str(), data);
}

TEST(Control, OnlyItsOwnUserMayUseTheSocket) {
  const Folder f;
  Handler h;
  const auto s = serve(f / "c.sock", h);
  struct stat st{};
  ASSERT_EQ(::stat((f / "c.sock").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST(Control, AStaleSocketIsReplacedAndALiveOneIsNot) {
  const Folder f;
  Handler h;
  h.act = [](const Request&, const Responder& to) { to.done(); };
  {  // what a killed process leaves
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::strcpy(a.sun_path, (f / "c.sock").c_str());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a), 0);
    ::close(fd);
  }
  auto s = serve(f / "c.sock", h);
  EXPECT_TRUE(ask(f / "c.sock", {"status", {}}, [](const ResponseLine&) { return Status{}; }));
  const auto second = ControlServer::open(f / "c.sock", h);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().what, HasSubstr("another gateway answers"));
  s->stop();
  EXPECT_FALSE(std::filesystem::exists(f / "c.sock"));
  std::ofstream(f / "c.sock") << "precious";
  const auto third = ControlServer::open(f / "c.sock", h);
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().what, HasSubstr("is no socket"));
}

TEST(Control, RubbishIsAnsweredAndIdleClientsMakeRoom) {
  const Folder f;
  Handler h;
  h.act = [](const Request&, const Responder& to) { to.done(); };
  const auto s = serve(f / "c.sock", h);
  const int fd = connect_raw(f / "c.sock");
  ASSERT_GT(::write(fd, "rubbish\n", 8), 0);
  char buffer[512] = {};
  ASSERT_GT(::read(fd, buffer, sizeof buffer - 1), 0);
  EXPECT_THAT(buffer, HasSubstr("a request is one line"));
  ::close(fd);
  std::vector<int> idle;
  for (std::size_t i = 0; i < ControlServer::kMaxClients + 5; ++i)
    idle.push_back(connect_raw(f / "c.sock"));
  EXPECT_TRUE(ask(f / "c.sock", {"status", {}}, [](const ResponseLine&) { return Status{}; }));
  for (const int x : idle) ::close(x);
}

TEST(Control, AResponderMayOutliveClientAndServer) {
  const Folder f;
  Handler h;
  std::mutex m;
  std::condition_variable cv;
  std::optional<Responder> kept;
  h.act = [&](const Request&, Responder to) {
    const std::lock_guard lock(m);
    kept.emplace(std::move(to));
    cv.notify_one();
  };
  {
    const auto s = serve(f / "c.sock", h);
    const int fd = connect_raw(f / "c.sock");
    const std::string request = encode(Request{"status", {}});
    ASSERT_GT(::write(fd, request.data(), request.size()), 0);
    std::unique_lock lock(m);
    cv.wait(lock, [&] { return kept.has_value(); });
    ::close(fd);
  }
  EXPECT_FALSE(kept->alive());
  kept->text("nobody hears");
  kept->done();
}

TEST(Control, NoGatewayIsSaidPlainly) {
  const auto r = ask("/tmp/causeway-nowhere.sock", {"status", {}},
                     [](const ResponseLine&) { return Status{}; });
  ASSERT_FALSE(r);
  EXPECT_THAT(r.error().what, HasSubstr("no gateway is running"));
}

TEST(Check, MistakesGiveStatusTwoAndAllOfThem) {
  const Folder f;
  std::ofstream(f / "bad.toml") << "[[region]]\nname = 1\n[bogus]\n";
  std::ostringstream out;
  EXPECT_EQ(run_check(f / "bad.toml", WallTime{}, out), 2);
  EXPECT_THAT(out.str(), HasSubstr("bad.toml:2: region[1].name: found 1"));
  EXPECT_THAT(out.str(), HasSubstr("bad.toml:3: bogus: found an unknown key"));
  EXPECT_THAT(out.str(), HasSubstr("5 mistakes"));
  std::ostringstream good;
  EXPECT_EQ(run_check(std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/examples/bench.toml",
                      WallTime{}, good),
            0);
}

}  // namespace
}  // namespace causeway::app
