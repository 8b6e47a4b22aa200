// From TOML text to an immutable Deployment, or to every mistake in it at once. Start-up and
// management threads only: it reads files and takes milliseconds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "deployment/deployment.h"

namespace causeway::deployment {

struct Mistake {
  std::string file;
  int line = 0;       // 0: the file as a whole
  std::string field;  // "peer_group[2].peer[1].host": counted from 1, as a person counts
  std::string found;  // empty: nothing to show
  std::string remedy;
  // "FILE:LINE: FIELD: found FOUND; REMEDY"
  [[nodiscard]] std::string to_string() const;
};

inline constexpr std::size_t kMaxMistakes = 500;

struct LoadOptions {
  // Certificates, keys and sounds that cannot be read are mistakes; off where they live on another
  // machine
  bool check_files = true;
  WallTime now;  // for the expiry of certificates; 0: expiry is not looked at
  std::string
      base_directory;  // relative paths of certificates and keys start here; load_file() sets it
};

struct LoadResult {
  DeploymentPtr deployment;                     // null when there is any mistake
  std::vector<Mistake> mistakes;                // in order of their lines
  [[nodiscard]] std::string to_string() const;  // one mistake per line
};

[[nodiscard]] LoadResult load_text(std::string_view text, const std::string& file_name,
                                   const LoadOptions& options = {});
[[nodiscard]] LoadResult load_file(const std::string& path, LoadOptions options = {});

// Every key that the loader reads: "realm.name", "profile.sdp.codecs",
// "peer_group.recognise.sources". Keys that an operator makes up (services in [emergency], statuses
// in q850_by_status) appear as "*".
[[nodiscard]] std::vector<std::string> known_keys();

// The version that {version} stands for in add_headers and user_agent.
[[nodiscard]] std::string_view software_version();

}  // namespace causeway::deployment
