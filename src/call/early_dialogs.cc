#include "call/early_dialogs.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace causeway::call {

EarlyDialogs::Early EarlyDialogs::copy_of(const LegState& s) const {
  return {s.dialog.remote_tag,
          s.dialog.remote_target,
          s.dialog.routes,
          s.dialog.local_cseq,
          s.dialog.remote_cseq,
          s.dialog.allow,
          s.next_hop,
          s.offer_answer,
          s.heard,
          s.told,
          s.own,
          s.attributes,
          received};
}

void EarlyDialogs::exchange(LegState& s, Early& with) {
  std::swap(s.dialog.remote_tag, with.remote_tag);
  std::swap(s.dialog.remote_target, with.remote_target);
  std::swap(s.dialog.routes, with.routes);
  std::swap(s.dialog.local_cseq, with.local_cseq);
  std::swap(s.dialog.remote_cseq, with.remote_cseq);
  std::swap(s.dialog.allow, with.allow);
  std::swap(s.next_hop, with.next_hop);
  std::swap(s.offer_answer, with.offer_answer);
  std::swap(s.heard, with.heard);
  std::swap(s.told, with.told);
  std::swap(s.own, with.own);
  std::swap(s.attributes, with.attributes);
  std::swap(received, with.received);
}

bool EarlyDialogs::select_known(LegState& s, std::string_view tag) {
  const auto it = std::find_if(others_.begin(), others_.end(),
                               [&](const Early& e) { return e.remote_tag == tag; });
  if (it == others_.end()) return false;
  exchange(s, *it);
  return true;
}

EarlyDialogs::Found EarlyDialogs::select(LegState& s, std::string_view tag) {
  if (s.dialog.remote_tag == tag) return Found::kCurrent;
  if (select_known(s, tag)) return Found::kKnown;
  if (!begun_) {
    begun_ = copy_of(s);
  } else {
    if (others_.size() + 1 >= kMax) return Found::kNoRoom;
    others_.push_back(*begun_);
    exchange(s, others_.back());
  }
  s.dialog.remote_tag.assign(tag);
  return Found::kNew;
}

void EarlyDialogs::promote(LegState& s, std::string_view tag) {
  if (begun_ && s.dialog.remote_tag != tag && !select_known(s, tag)) exchange(s, *begun_);
  begun_.reset();
  others_.clear();
}

bool EarlyDialogs::drop_current(LegState& s) {
  if (others_.empty()) return false;
  // Rather one that can be heard.
  auto it = std::find_if(others_.rbegin(), others_.rend(),
                         [](const Early& e) { return e.heard.has_value(); });
  if (it == others_.rend()) it = others_.rbegin();
  exchange(s, *it);
  others_.erase(std::next(it).base());
  return true;
}

void EarlyDialogs::forget(std::string_view tag) {
  std::erase_if(others_, [&](const Early& e) { return e.remote_tag == tag; });
}

}  // namespace causeway::call
