// A process of its own: plug-ins are looked for once.
#include <gtest/gtest.h>

#include <string>

#include "base/log.h"
#include "codec/codec.h"
#include "codec/plugin.h"

namespace causeway::codec {
namespace {

std::string& logged() {
  static std::string text;
  return text;
}

TEST(Plugins, WithoutOneTheCodecIsNotKnownAndALineSaysWhy) {
  log::set_sink([](log::Level, std::string_view line) { (logged() += line) += "\n"; });
  // In it: nothing for AMR, and one for G.729 of another version of the interface.
  set_plugin_folder(CAUSEWAY_TEST_PLUGINS);
  EXPECT_EQ(known({PayloadType{96}, "AMR", 8000, 1, ""}), std::nullopt);
  EXPECT_EQ(known({PayloadType{96}, "AMR-WB", 16000, 1, ""}), std::nullopt);
  EXPECT_EQ(known({PayloadType{18}, "G729", 8000, 1, ""}), std::nullopt);
  EXPECT_FALSE(make_decoder({PayloadType{96}, "AMR", 8000, 1, ""}, 8000));
  log::set_sink(nullptr);
  EXPECT_NE(logged().find("no causeway-amr.so in " CAUSEWAY_TEST_PLUGINS), std::string::npos)
      << logged();
  EXPECT_NE(logged().find("version 99"), std::string::npos) << logged();
}

}  // namespace
}  // namespace causeway::codec
