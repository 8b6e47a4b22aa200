// WAV files in profiles: read while the configuration is loaded, shared, and wrong ones named.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "deployment/load.h"
#include "sample.h"
#include "tone/wav.h"

namespace causeway::deployment {
namespace {

class Sounds : public ::testing::Test {
 protected:
  Sounds() : folder_("/tmp/causeway-sounds-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~Sounds() override { std::filesystem::remove_all(folder_); }
  // A tenth of a second.
  void write(const std::string& name, std::uint32_t format = 1) {
    std::ofstream out(folder_ + "/" + name, std::ios::binary);
    const auto word = [&](std::uint32_t v, int bytes) {
      for (int i = 0; i < bytes; ++i) out.put(static_cast<char>(v >> (8 * i)));
    };
    out << "RIFF";
    word(36 + 1'600, 4);
    out << "WAVEfmt ";
    word(16, 4), word(format, 2), word(1, 2), word(8'000, 4), word(16'000, 4), word(2, 2);
    word(16, 2);
    out << "data";
    word(1'600, 4);
    for (int i = 0; i < 800; ++i) word(static_cast<std::uint32_t>(i), 2);
  }
  LoadResult load(const std::string& profiles, bool check = true) {
    return load_text(std::string(testing::kSample) + profiles, "c.toml",
                     {.check_files = check, .now = {}, .base_directory = folder_});
  }
  static const Profile& named(const LoadResult& r, std::string_view name) {
    for (const auto& p : r.deployment->profiles)
      if (p.name == name) return p;
    return r.deployment->profiles.front();
  }
  std::string folder_;
};

TEST_F(Sounds, AreReadOnceAndMadeForEveryRate) {
  write("a.wav");
  const auto r = load(
      "[[profile]]\nname = \"x\"\nhold_music = \"a.wav\"\nringback = \"a.WAV\"\n"
      "[[profile]]\nname = \"y\"\nextends = \"x\"\nringback = \"GB\"\n");
  EXPECT_FALSE(r.deployment) << "names have their case";
  const auto good =
      load("[[profile]]\nname = \"x\"\nhold_music = \"a.wav\"\nringback = \"" + folder_ +
           "/a.wav\"\n[[profile]]\nname = \"y\"\nextends = \"x\"\nringback = \"GB\"\n");
  ASSERT_TRUE(good.deployment) << good.to_string();
  const Profile &x = named(good, "x"), &y = named(good, "y");
  ASSERT_TRUE(x.hold_music);
  EXPECT_EQ(x.hold_music, y.hold_music);
  EXPECT_EQ(x.hold_music, x.ringback_sound);
  EXPECT_FALSE(x.ringback);
  EXPECT_TRUE(y.ringback);
  EXPECT_FALSE(y.ringback_sound);
  for (const std::uint32_t rate : {8'000u, 16'000u, 24'000u, 48'000u}) {
    ASSERT_TRUE(x.hold_music->at(rate));
    EXPECT_EQ(x.hold_music->at(rate)->samples.size(), rate / 10);
  }
  EXPECT_FALSE(x.hold_music->at(44'100));
}

TEST_F(Sounds, ThatCannotBeReadAreMistakesWithARemedyInTheProfileThatNamesThem) {
  write("b.wav", 85);  // MPEG
  const auto r = load(
      "[[profile]]\nname = \"x\"\nhold_music = \"none.wav\"\n"
      "[[profile]]\nname = \"y\"\nextends = \"x\"\nringback = \"b.wav\"\n"
      "[[profile]]\nname = \"z\"\nhold_music = \"music\"\n");
  EXPECT_FALSE(r.deployment);
  ASSERT_EQ(r.mistakes.size(), 3u) << r.to_string();
  EXPECT_EQ(r.mistakes[0].field, "profile[1].hold_music");
  EXPECT_NE(r.mistakes[0].to_string().find("found \"none.wav\""), std::string::npos);
  EXPECT_NE(r.mistakes[0].remedy.find("it must be a WAV file of PCM or G.711"), std::string::npos);
  EXPECT_EQ(r.mistakes[1].field, "profile[2].ringback");
  EXPECT_EQ(r.mistakes[2].field, "profile[3].hold_music");
  EXPECT_NE(r.mistakes[2].remedy.find("write the path of a WAV file"), std::string::npos);
}

TEST_F(Sounds, AreReadAgainOnlyWhenTheyHaveChanged) {
  write("a.wav");
  const std::string profile = "[[profile]]\nname = \"x\"\nhold_music = \"a.wav\"\n";
  const auto first = load(profile), second = load(profile);
  ASSERT_TRUE(first.deployment && second.deployment);
  EXPECT_EQ(named(first, "x").hold_music, named(second, "x").hold_music);
  std::filesystem::remove(folder_ + "/a.wav");
  EXPECT_FALSE(load(profile).deployment) << "it is not there any more";
  write("b.wav");
  std::filesystem::rename(folder_ + "/b.wav", folder_ + "/a.wav");
  const auto third = load(profile);
  ASSERT_TRUE(third.deployment);
  EXPECT_NE(named(first, "x").hold_music, named(third, "x").hold_music);
  EXPECT_EQ(named(load(profile, false), "x").hold_music, named(third, "x").hold_music);
}

TEST_F(Sounds, OfAnotherMachineAreNotLookedAt) {
  const auto r = load("[[profile]]\nname = \"x\"\nhold_music = \"none.wav\"\n", false);
  ASSERT_TRUE(r.deployment) << r.to_string();
  EXPECT_FALSE(named(r, "x").hold_music);
}

}  // namespace
}  // namespace causeway::deployment
