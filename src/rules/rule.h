// Rules that change messages, as values: what an operator wrote, checked and compiled. Made with
// the configuration and never changed; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/regex.h"
#include "rules/text_template.h"
#include "sip/header_id.h"
#include "sip/message.h"

namespace causeway::rules {

enum class Direction : std::uint8_t { kIn, kOut };
enum class Kind : std::uint8_t { kAny, kRequest, kResponse };
// What of a value is meant; all but kWhole of each address in it.
enum class Part : std::uint8_t { kWhole, kDisplay, kUri, kUser, kHost };

// A header, or the Request-URI.
struct Target {
  bool request_uri = false;
  sip::HeaderId id = sip::HeaderId::kOther;
  std::string name;  // as an operator wrote it
  Part part = Part::kWhole;
};

// What a text must be.
struct TextTest {
  enum class Kind : std::uint8_t { kPresent, kAbsent, kEquals, kMatches };
  Kind kind = Kind::kPresent;
  std::string equals;
  Regex matches;
};
struct HeaderTest {
  Target target;
  TextTest test;  // of any of its values
};
// Of a session description. A codec or an attribute is looked for in sections of `media`.
struct SdpTest {
  std::string media;             // "audio"; empty: all sections and the session's own lines
  std::string codec, attribute;  // at most one; none: the section itself
  TextTest test;                 // of the attribute's value
};
struct VariableTest {
  std::string name;
  TextTest test;
};
struct StatusRange {
  int low = 0, high = 0;
};

inline constexpr std::uint32_t method_bit(sip::Method m) {
  return std::uint32_t{1} << static_cast<unsigned>(m);
}

// All that is given must hold.
struct When {
  std::optional<Direction> direction;
  Kind kind = Kind::kAny;
  std::uint32_t methods = 0;  // of method_bit(); 0: any. Of a response: of its CSeq
  std::vector<StatusRange> statuses;
  std::optional<bool> in_dialog;      // it has a To-tag
  std::vector<std::uint16_t> groups;  // by their place in the configuration
  std::vector<std::string> accounts;
  Regex calling, called;
  std::vector<HeaderTest> headers;
  std::vector<SdpTest> sdp;
  std::vector<VariableTest> variables;
};

enum class Verb : std::uint8_t {
  kSet,
  kAdd,
  kRemove,
  kRename,
  kRewrite,
  kSetParameter,
  kClearParameter,
  kCapture,
  kOrderCodecs,
  kRemoveCodecs,
  kRemoveAttribute,
  kRemoveMedia,
  kSetPtime,
  kSetBandwidth,
  kMapStatus,
  kMapCause,
};

struct Action {
  Verb verb = Verb::kSet;
  Target target;       // of kCapture: where from
  Regex pattern;       // of kRewrite, kCapture; of kRemove and kRemoveAttribute: which ones
  TextTemplate value;  // of kSet, kAdd, kRewrite, kSetParameter, kCapture
  // Parameter, variable, new name of the header, attribute, protocol of the cause, "AS:64",
  // phrase of the status
  std::string name;
  std::string media;                // of SDP; empty: all
  std::vector<std::string> codecs;  // in order
  bool of_header = false;           // a parameter of the header, not of the URI
  int from = 0, to = 0;             // cause; status, ptime: `to`
};

struct Rule {
  std::string name;
  When when;
  std::vector<Action> actions;
  bool last = false;  // where it holds, no later rule of its set is looked at
};

struct RuleSet {
  std::string name;
  std::vector<Rule> rules;
};

inline constexpr std::size_t kMaxSets = 256, kMaxRules = 64, kMaxActions = 16, kMaxTests = 256;
inline constexpr std::size_t kMaxSetsOfProfile = 16;

// The sets of a profile for one direction, in order.
class Chain {
 public:
  Chain(Direction direction, std::vector<std::shared_ptr<const RuleSet>> sets);
  [[nodiscard]] Direction direction() const { return direction_; }
  [[nodiscard]] const std::vector<std::shared_ptr<const RuleSet>>& sets() const { return sets_; }
  // Could any rule hold for such a message? Asked before it is parsed. `status` 0: a request.
  [[nodiscard]] bool concerns(sip::Method method, int status) const {
    return status == 0 ? (requests_ & method_bit(method)) != 0
                       : (responses_ & (1U << static_cast<unsigned>(status / 100))) != 0;
  }

 private:
  Direction direction_;
  std::vector<std::shared_ptr<const RuleSet>> sets_;
  std::uint32_t requests_ = 0;   // method bits
  std::uint32_t responses_ = 0;  // a bit for each class of statuses
};

}  // namespace causeway::rules
