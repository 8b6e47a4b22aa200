#include "sip/telephone.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace causeway::sip {
namespace {

const std::vector<std::string> kAll{"ext", "isub", "phone-context", "rn", "npdi", "cic"};

struct Case {
  const char* uri;
  const char* full;        // what is routed by
  const char* parameters;  // that cross where all are listed
};

TEST(Telephone, NumbersAreTheSameHoweverTheyAreWritten) {
  const Case cases[] = {
      {"tel:+1-201-555-0123", "+12015550123", ""},
      {"TEL:+1(201)555.0123", "+12015550123", ""},
      {"tel:%2B12015550123", "+12015550123", ""},
      {"sip:+1-201-555-0123@h", "+12015550123", ""},
      {"sip:%2B1%32015550123@h;user=phone", "+12015550123", ""},
      {"sips:+12015550123:secret@h", "+12015550123", ""},
      {"tel:+1-201-555-0123;ext=5", "+12015550123", ";ext=5"},
      {"tel:+12015550123;isub=1411", "+12015550123", ";isub=1411"},
      {"tel:+12015550123;ISUB=a@b", "+12015550123", ";isub=a%40b"},
      {"sip:+12015550123;npdi;rn=+1-201-555@h;user=phone", "+12015550123", ";npdi;rn=+1-201-555"},
      {"tel:+12015550123;rn=+1201555;npdi;cic=+1-6789", "+12015550123",
       ";cic=+1-6789;npdi;rn=+1201555"},
      {"tel:+12015550123;rn=x;ext=9;isub=2", "+12015550123", ";isub=2;ext=9;rn=x"},
      // RFC 3966 6: a local number, in a private network and behind a prefix
      {"tel:7042;phone-context=example.com", "7042", ";phone-context=example.com"},
      {"sip:7042;phone-context=example.com@h;user=phone", "7042", ";phone-context=example.com"},
      {"tel:863-1234;phone-context=+1-914-555", "+19145558631234", ""},
      {"sip:863-1234;phone-context=%2B1914555;npdi@h", "+19145558631234", ";npdi"},
      {"sip:+12015550123;phone-context=x@h", "+12015550123", ";phone-context=x"},
      // longer than a number can be (E.164 6): not behind its prefix
      {"tel:86312345678;phone-context=+1914555", "86312345678", ";phone-context=+1914555"},
      // a service code is one of its own network
      {"tel:*31#;phone-context=+49", "*31#", ";phone-context=+49"},
      {"sip:*31#@h", "*31#", ""},  // raw (TDR-61)
      {"sip:*31%23;ext=1@h", "*31#", ";ext=1"},
      // what is no parameter of a number does not cross
      {"sip:+4930;;=1;ext=;ext=x;rn=a%2@h", "+4930", ""},
      {"sip:+4930;ext=1;ext=2;x=1@h", "+4930", ";ext=1"},
      {"sip:ada@h", "", ""},
      {"sip:49+30@h", "", ""},
      {"sip:+@h", "", ""},
      {"sip:h", "", ""},
      {"urn:service:sos", "", ""},
      {"tel:ab12;phone-context=x", "", ";phone-context=x"},
  };
  for (const Case& c : cases) {
    const auto uri = parse_uri(c.uri);
    ASSERT_TRUE(uri) << c.uri;
    const auto number = telephone_number(*uri);
    EXPECT_EQ(number.full(), c.full) << c.uri;
    if (!number.dialled.empty()) {
      EXPECT_EQ(parameters_of(number, kAll), c.parameters) << c.uri;
    }
    EXPECT_EQ(parameters_of(number, {}), "") << c.uri;
  }
}

TEST(Telephone, LocalNumberKeepsWhatWasDialledBesideTheGlobalOne) {
  const auto uri = parse_uri("tel:112;phone-context=+49");
  const auto n = telephone_number(*uri);
  EXPECT_EQ(n.dialled, "112");
  EXPECT_EQ(n.global, "+49112");
  EXPECT_FALSE(n.is_private());
  const auto private_uri = parse_uri("tel:7042;phone-context=example.com");
  EXPECT_TRUE(telephone_number(*private_uri).is_private());
}

TEST(Telephone, UriIsCheckedByItsGrammar) {
  struct Check {
    const char* uri;
    int status;
  };
  const Check checks[] = {
      {"tel:+1-201-555-0123;ext=5", 0},
      {"tel:7042;phone-context=example.com", 0},
      {"tel:863-1234;phone-context=+1-914-555", 0},
      {"tel:863-1234;phone-context=%2B1-914-555", 0},
      {"tel:*31#;phone-context=example.com", 0},
      {"tel:aBc1;phone-context=a", 0},
      {"tel:+1;npdi;rn=+2;isub=a?b", 0},
      {"tel:7042", 484},
      {"tel:112", 484},  // policy lets it through all the same
      {"tel:7042;ext=5", 484},
      {"tel:+", 400},
      {"tel:---", 400},
      {"tel:+49x", 400},
      {"tel:+49#", 400},
      {"tel:+49 30", 400},
      {"tel:+1;phone-context=+1", 400},
      {"tel:7042;phone-context=", 400},
      {"tel:7042;phone-context", 400},
      {"tel:7042;phone-context=+", 400},
      {"tel:7042;phone-context=a_b", 400},
      {"tel:+1;ext=", 400},
      {"tel:+1;ext=x", 400},
      {"tel:+1;ext=1;EXT=1", 400},
      {"tel:+1;;ext=1", 400},
      {"tel:+1;", 400},
      {"tel:+1;a_b=1", 400},
      {"tel:+1;rn=%4", 400},
  };
  for (const Check& c : checks) {
    const auto uri = parse_uri(c.uri);
    if (!uri) {
      EXPECT_EQ(c.status, error_info(uri.error().code).sip_status) << c.uri;
      continue;
    }
    const auto ok = check_telephone(*uri);
    EXPECT_EQ(ok ? 0 : error_info(ok.error().code).sip_status, c.status) << c.uri;
  }
}

TEST(Telephone, DigitsFitTheRoomThatTheyAreGivenOrAreNone) {
  std::array<char, 4> room{};
  EXPECT_EQ(number_digits("1-2.3(4)", room), 4U);
  EXPECT_EQ(std::string_view(room.data(), 4), "1234");
  EXPECT_EQ(number_digits("12345", room), 0U);
  EXPECT_EQ(number_digits("+", room), 0U);
  EXPECT_EQ(number_digits("", room), 0U);
}

TEST(Telephone, UserPartIsEscaped) {
  EXPECT_EQ(escape_user("*31#"), "*31%23");
  EXPECT_EQ(escape_user("a%23;x=[1]"), "a%23;x=%5B1%5D");
}

}  // namespace
}  // namespace causeway::sip
