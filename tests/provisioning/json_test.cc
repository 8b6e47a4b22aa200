#include "provisioning/json.h"

#include <gmock/gmock.h>

namespace causeway::provisioning {
namespace {

using ::testing::HasSubstr;

TEST(JsonText, ComesBackAsItWas) {
  const char* text = R"({"b":[1,-2,true,null,"ü\n\"\\"],"a":{"x":1.5}})";
  const auto j = parse_json(text);
  ASSERT_TRUE(j);
  EXPECT_EQ(j->write(), text);
  EXPECT_EQ(parse_json("-0e8")->write(), "0");
}

TEST(JsonText, IsRefusedWithThePlaceAndTheReason) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "from byte"},
      {"{", "from byte"},
      {"{\"a\":1}x", "from byte"},
      {"{\"a\":1,\"b\":{\"c\":1,\"c\":2}}", "'c' is there twice"},
      {"\"\xff\"", "UTF-8"},
      {"\"\xc0\xaf\"", "UTF-8"},
      {"\"\xed\xa0\x80\"", "UTF-8"},
      {"\"\\ud800\"", "UTF-8"},
      {"\"a\\u0000b\"", "zero byte"},
      {"{\"a\\u0000\":1}", "zero byte"},
      {"1e999", "no JSON"},
      {std::string("{}\0{}", 5), "zero octet"},
      {std::string("{}\0", 3), "zero octet"},
      {"{'a':1}", "from byte"},
      {std::string(10'000, '['), "more than 16 levels"},
  };
  for (const auto& [text, why] : cases) {
    const auto j = parse_json(text);
    ASSERT_FALSE(j) << text;
    EXPECT_THAT(j.error().what, HasSubstr(why)) << text;
  }
}

TEST(JsonText, MembersAreBounded) {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
  EXPECT_THAT(parse_json(text + "}").error().what, HasSubstr("more than 500 members"));
}

TEST(JsonText, ControlCharactersAreEscaped) {
  Json j = std::string("a\x01\r\n");
  EXPECT_EQ(j.write(), "\"a\\u0001\\r\\n\"");
}

}  // namespace
}  // namespace causeway::provisioning
