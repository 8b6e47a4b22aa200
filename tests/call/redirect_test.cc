#include "call/redirect.h"

#include <gtest/gtest.h>

namespace causeway::call {
namespace {

std::vector<std::string> contacts(const std::string& headers) {
  return contacts_in_order(*sip::Message::parse(
      "SIP/2.0 302 Moved\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:t@h>;tag=1\r\n"
      "To: <sip:gw@h>;tag=2\r\nCall-ID: c\r\nCSeq: 2 INVITE\r\n" +
      headers + "Content-Length: 0\r\n\r\n"));
}

TEST(Redirect, ThePreferredContactComesFirst) {
  using V = std::vector<std::string>;
  EXPECT_EQ(
      contacts("Contact: <sip:a@h>;q=0.5, <sip:b@h>;q=0.75\r\nContact: <sip:c@h>;q=0.501\r\n"),
      (V{"sip:b@h", "sip:c@h", "sip:a@h"}));
  EXPECT_EQ(contacts("m: <sip:a@h>;q=0.1, sip:b@h, <sip:c@h>;q=1\r\n"),
            (V{"sip:b@h", "sip:c@h", "sip:a@h"}));
  EXPECT_EQ(contacts("Contact: <sip:a@h>;q=0\r\nContact: <sip:b@h>;q=0.001\r\n"),
            (V{"sip:b@h", "sip:a@h"}));
}

TEST(Redirect, OnlyWhatARequestCanBeSentTo) {
  using V = std::vector<std::string>;
  EXPECT_EQ(contacts(""), V{});
  EXPECT_EQ(contacts("Contact: *\r\n"), V{});
  EXPECT_EQ(contacts("Contact: <mailto:a@h>, <tel:+49>, <sip:b@h;method=BYE?Route=%3Cx%3E>\r\n"),
            V{"sip:b@h"});
}

}  // namespace
}  // namespace causeway::call
