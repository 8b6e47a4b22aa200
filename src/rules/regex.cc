#include "rules/regex.h"

#include <re2/re2.h>

namespace causeway::rules {

namespace {
// Of the compiled program and of what a search remembers, both.
constexpr std::int64_t kMemory = 512 * 1024;

re2::RE2::Options options() {
  re2::RE2::Options o(re2::RE2::Latin1);
  o.set_log_errors(false);
  o.set_max_mem(kMemory);
  return o;
}
}  // namespace

struct Regex::Impl {
  explicit Impl(std::string_view p)
      : pattern(p), re(re2::StringPiece(p.data(), p.size()), options()) {}
  std::string pattern;
  re2::RE2 re;
};

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kMaxPattern)
    return fail(ErrorCode::kConfiguration, "an expression has at most 512 characters");
  if (pattern.empty()) return fail(ErrorCode::kConfiguration, "an empty expression finds all");
  auto impl = std::make_shared<Impl>(pattern);
  if (!impl->re.ok()) return fail(ErrorCode::kConfiguration, impl->re.error());
  if (impl->re.NumberOfCapturingGroups() > static_cast<int>(kMaxCaptures))
    return fail(ErrorCode::kConfiguration, "at most nine groups; write (?:...) for the others");
  Regex out;
  out.impl_ = std::move(impl);
  return out;
}

bool Regex::found_in(std::string_view text) const {
  return impl_->re.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                         re2::RE2::UNANCHORED, nullptr, 0);
}

bool Regex::find(std::string_view text, Captures& out) const {
  std::array<re2::StringPiece, kMaxCaptures + 1> found;
  if (!impl_->re.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                       re2::RE2::UNANCHORED, found.data(), captures() + 1))
    return false;
  for (std::size_t i = 0; i < found.size(); ++i)
    out[i] = found[i].data() == nullptr ? std::string_view{}
                                        : std::string_view(found[i].data(), found[i].size());
  return true;
}

int Regex::captures() const { return impl_ ? impl_->re.NumberOfCapturingGroups() : 0; }

const std::string& Regex::pattern() const {
  static const std::string none;
  return impl_ ? impl_->pattern : none;
}

}  // namespace causeway::rules
