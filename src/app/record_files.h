// Call records that are older than the deployment keeps them. Any thread; not on a shard, for it
// looks into a directory.
#pragma once

#include <cstddef>
#include <string>

#include "base/time.h"

namespace causeway::app {

// Keeps calls-YYYY-MM-DD.jsonl and .csv of the last `days` days (UTC), that of `now` being the
// last, and removes older ones, and nothing else in the directory; 0 days: nothing. The day that is
// being written and the one before it, whose last records may still be on their way, always stay.
// How many files went; what cannot be removed is said in the log.
std::size_t purge_records(const std::string& directory, std::uint32_t days, WallTime now);

}  // namespace causeway::app
