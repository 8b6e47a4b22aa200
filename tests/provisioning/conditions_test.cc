// What is common to all operations: versions, headers, conditions, repeated requests.
#include <gmock/gmock.h>

#include <thread>

#include "rig.h"

namespace causeway::provisioning {
namespace {

using ::testing::HasSubstr;

API_SUITE(Requests);

constexpr const char* kId = "01234567-89ab-cdef-0123-456789abcdef";
constexpr const char* kSent = "Fri, 15 Jan 2027 08:00:00 GMT";

TEST_P(Requests, SayTheirVersion) {
  PROVES("P5");
  EXPECT_EQ(code(api_->handle({"GET", "/accounts", {}, "", {}}, {}, now_)),
            "MissingApiVersionParameter");
  Response r = get("/accounts?api-version=2020-01-01");
  EXPECT_EQ(code(r), "UnsupportedApiVersionValue");
  EXPECT_THAT(r.body, HasSubstr("2023-10-01"));
  EXPECT_EQ(get(std::string("/accounts?") + kOld).status, 200);
  EXPECT_EQ(get(std::string("/accounts?") + kNew).status, 200);
  EXPECT_EQ(code(get(std::string("/accounts?") + kNew + "&" + kNew)), "ParameterTwice");
  EXPECT_EQ(code(get("/nothing")), "ResourceNotFound");
  r = call("POST", "/accounts", "{}");
  EXPECT_EQ(r.status, 405);
  EXPECT_EQ(header(r, "Allow"), "GET");
}

TEST_P(Requests, TheClientsIdComesBack) {
  PROVES("P9");
  EXPECT_EQ(header(get("/accounts", {{"x-ms-client-request-id", kId}}), "x-ms-client-request-id"),
            kId);
  EXPECT_EQ(
      header(get("/accounts/none", {{"x-ms-client-request-id", kId}}), "x-ms-client-request-id"),
      kId);
  EXPECT_EQ(get("/accounts", {{"x-ms-client-request-id", "x\r\ny"}}).status, 400);
}

TEST_P(Requests, BodiesAreJson) {
  EXPECT_EQ(put("/accounts/a", "{}", {{"content-type", "text/plain"}}).status, 415);
  EXPECT_EQ(put("/accounts/a", "{}", {{"content-type", "application/json; charset=utf-8"}}).status,
            201);
  EXPECT_EQ(code(put("/accounts/a", "{\"a\"")), "InvalidJson");
  EXPECT_EQ(code(put("/accounts/a", "{\"name\":\"a\",\"name\":\"a\"}")), "InvalidJson");
  EXPECT_EQ(code(put("/accounts/a", "{\"name\":\"\xff\"}")), "InvalidJson");
  EXPECT_EQ(call("PUT", "/accounts/a").status, 415);
}

TEST_P(Requests, ConditionsGuardAgainstLostUpdates) {
  PROVES("P7");
  Response r = put("/accounts/a", "{}", {{"if-match", "*"}});
  EXPECT_EQ(r.status, 412);
  EXPECT_EQ(code(r), "PreconditionFailed");
  EXPECT_EQ(put("/accounts/a", "{}", {{"if-none-match", "*"}}).status, 201);
  EXPECT_EQ(put("/accounts/a", "{}", {{"if-none-match", "*"}}).status, 412);
  const std::string etag = header(get("/accounts/a"), "ETag");
  EXPECT_EQ(get("/accounts/a", {{"if-none-match", etag}}).status, 304);
  EXPECT_EQ(get("/accounts/a", {{"if-none-match", etag}}).body, "");
  EXPECT_EQ(get("/accounts/a", {{"if-match", "\"x\""}}).status, 412);
  EXPECT_EQ(get("/accounts/a", {{"if-modified-since", kSent}}).status, 304);
  EXPECT_EQ(get("/accounts/a", {{"if-modified-since", "soon"}}).status, 400);
  EXPECT_EQ(put("/accounts/a", "{}", {{"if-match", etag}}).status, 200);
  EXPECT_EQ(put("/accounts/a", "{}", {{"if-match", etag}}).status, 412);
  EXPECT_EQ(del("/accounts/a", {{"if-match", etag}}).status, 412);
  EXPECT_EQ(del("/accounts/a", {{"if-unmodified-since", "2027-01-15T07:59:59Z"}}).status, 412);
  number("a", "+1001");
  EXPECT_EQ(
      put("/accounts/a/numbers/+1001", R"({"serviceDetails":{}})", {{"if-none-match", "*"}}).status,
      412);
  EXPECT_EQ(del("/accounts/a/numbers/+1001", {{"if-match", etag}}).status, 412);
  EXPECT_EQ(del("/accounts/a/numbers/+1001", {{"if-unmodified-since", kSent}}).status, 204);
  EXPECT_EQ(
      put("/accounts/a/numbers/+1001", R"({"serviceDetails":{}})", {{"if-match", "*"}}).status,
      412);
}

TEST_P(Requests, ARepeatedOneIsDoneOnce) {
  PROVES("PRV-02");
  PROVES("P8");
  const Headers h{{"repeatability-request-id", kId}, {"repeatability-first-sent", kSent}};
  const Response first = put("/accounts/a", "{}", h);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(header(first, "Repeatability-Result"), "accepted");
  now_.micros += 3'600 * 1'000'000LL;
  const Response again = put("/accounts/a", "{}", h);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(header(again, "ETag"), header(first, "ETag"));
  EXPECT_EQ(header(again, "Repeatability-Result"), "accepted");
  EXPECT_EQ(*read()->last_change(), 1);
  // Another request under the same id is none of it; another caller's ids are others.
  const Response other = put("/accounts/a", R"({"correlationId":"x"})", h);
  EXPECT_EQ(other.status, 412);
  EXPECT_EQ(header(other, "Repeatability-Result"), "rejected");
  caller_ = "second";
  EXPECT_EQ(put("/accounts/a", R"({"correlationId":"x"})", h).status, 200);
}

TEST_P(Requests, ARepeatedDeletionAnswersAsTheFirst) {
  account("a");
  const Headers h{{"repeatability-request-id", kId}, {"repeatability-first-sent", kSent}};
  EXPECT_EQ(del("/accounts/a", h).status, 204);
  EXPECT_EQ(del("/accounts/a", h).status, 204);
  EXPECT_EQ(del("/accounts/a").status, 404);
}

TEST_P(Requests, AnswersAreKeptForADay) {
  const Headers h{{"repeatability-request-id", kId}, {"repeatability-first-sent", kSent}};
  put("/accounts/a", "{}", h);
  now_.micros += 24 * 3'600 * 1'000'000LL;
  ASSERT_TRUE(api_->tidy(now_));
  EXPECT_EQ(put("/accounts/a", "{}", h).status, 201);
  now_.micros += 1'000'000;
  const Response late = put("/accounts/a", "{}", h);
  EXPECT_EQ(late.status, 412);
  EXPECT_EQ(header(late, "Repeatability-Result"), "rejected");
  now_.micros += 3'600 * 1'000'000LL;
  ASSERT_TRUE(api_->tidy(now_));
  EXPECT_FALSE(read()->repeatable("bss/" + std::string(kId)));
}

TEST_P(Requests, RepeatabilityHeadersGoTogetherAndAreValid) {
  const std::pair<Headers, int> cases[] = {
      {{{"repeatability-request-id", kId}}, 400},
      {{{"repeatability-first-sent", kSent}}, 400},
      {{{"repeatability-request-id", "1"}, {"repeatability-first-sent", kSent}}, 400},
      {{{"repeatability-request-id", kId}, {"repeatability-first-sent", "today"}}, 400},
      {{{"repeatability-request-id", kId}, {"repeatability-first-sent", "2027-01-15T08:10:00Z"}},
       412},
      {{{"repeatability-request-id", kId}, {"repeatability-first-sent", "2027-01-14T07:59:59Z"}},
       412}};
  for (const auto& [h, status] : cases) {
    const Response r = put("/accounts/a", "{}", h);
    EXPECT_EQ(r.status, status);
    EXPECT_EQ(header(r, "Repeatability-Result"), "rejected");
  }
  EXPECT_EQ(get("/accounts/a").status, 404);
}

TEST_P(Requests, WhatFailedMayBeTriedAgainUnderTheSameId) {
  const Headers h{{"repeatability-request-id", kId}, {"repeatability-first-sent", kSent}};
  EXPECT_EQ(put("/accounts/a/numbers/+1001", R"({"serviceDetails":{}})", h).status, 404);
  account("a");
  EXPECT_EQ(put("/accounts/a/numbers/+1001", R"({"serviceDetails":{}})", h).status, 201);
}

TEST_P(Requests, OneOfManyAtOnceWins) {
  account("a");
  const std::string etag = header(get("/accounts/a"), "ETag");
  std::atomic<int> won{0}, lost{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      const Request r{"PUT",
                      std::string("/accounts/a?") + kNew,
                      {{"content-type", "application/json"}, {"if-match", etag}},
                      R"({"correlationId":")" + std::to_string(i) + "\"}",
                      {}};
      const int status = api_->handle(r, {"t"}, now_).status;
      if (status == 200) ++won;
      if (status == 412) ++lost;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
}

}  // namespace
}  // namespace causeway::provisioning
