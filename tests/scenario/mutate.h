// Changes a message as a broken or hostile peer would: pieces that grammars stumble over, lines
// lost, doubled and in another order, numbers that are none. The same seed changes the same.
#pragma once

#include <string>

#include "base/random.h"

namespace causeway::scenario {

[[nodiscard]] std::string mutated(std::string message, Random& random);

}  // namespace causeway::scenario
