// Trails of calls through another configuration.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "call/replay.h"
#include "deployment/load.h"

namespace causeway::scenario {

// `trails` as `causeway trace --json` writes them; `config`: TOML.
inline std::vector<call::Replayed> replayed(const std::string& trails, const std::string& config) {
  deployment::LoadOptions o;
  o.check_files = false;
  const auto loaded = deployment::load_text(config, "new.toml", o);
  EXPECT_TRUE(loaded.deployment) << loaded.to_string();
  const auto read = call::read_trails(trails);
  EXPECT_TRUE(read) << read.error().what;
  std::vector<call::Replayed> out;
  if (loaded.deployment && read)
    for (const auto& t : *read) out.push_back(call::replay(t, *loaded.deployment, nullptr));
  return out;
}

}  // namespace causeway::scenario
