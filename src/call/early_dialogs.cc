#include "call/early_dialogs.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace causeway::call {

using deployment::EarlyMediaGate;

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
          received,
          media,
          answer,
          false};
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
  std::swap(media, with.media);
  std::swap(answer, with.answer);
}

EarlyDialogs::List::iterator EarlyDialogs::find(std::string_view tag) {
  return std::find_if(others_.begin(), others_.end(),
                      [&](const Early& e) { return e.remote_tag == tag; });
}

// Who takes the place of one that is gone: rather one that can be heard.
EarlyDialogs::List::iterator EarlyDialogs::heir() {
  for (const bool heard : {true, false})
    for (auto it = others_.end(); it != others_.begin();)
      if (--it; !it->ended && (it->heard || !heard)) return it;
  return others_.end();
}

bool EarlyDialogs::select_known(LegState& s, std::string_view tag) {
  const auto it = find(tag);
  if (it == others_.end() || it->ended) return false;
  exchange(s, *it);
  return true;
}

EarlyDialogs::Found EarlyDialogs::select(LegState& s, std::string_view tag) {
  if (s.dialog.remote_tag == tag) return Found::kCurrent;
  if (select_known(s, tag)) return Found::kKnown;
  if (has_ended(tag)) return Found::kGone;
  if (!begun_) {
    begun_ = copy_of(s);
  } else if (!s.dialog.remote_tag.empty()) {
    if (others_.size() + 1 >= kMax) {
      const auto ended =
          std::find_if(others_.begin(), others_.end(), [](const Early& e) { return e.ended; });
      if (ended == others_.end()) return Found::kNoRoom;
      others_.erase(ended);
    }
    others_.push_back(*begun_);
    exchange(s, others_.back());
  }
  s.dialog.remote_tag.assign(tag);
  return Found::kNew;
}

void EarlyDialogs::promote(LegState& s, std::string_view tag) {
  if (begun_ && s.dialog.remote_tag != tag) {
    const auto it = find(tag);
    exchange(s, it == others_.end() ? *begun_ : *it);
  }
  begun_.reset();
  others_.clear();
}

bool EarlyDialogs::drop_current(LegState& s) {
  const auto it = heir();
  if (it == others_.end()) return false;
  exchange(s, *it);
  others_.erase(it);
  return true;
}

EarlyDialogs::Ended EarlyDialogs::end(LegState& s, std::string_view tag) {
  if (tag.empty() || !begun_) return Ended::kUnknown;
  if (s.dialog.remote_tag != tag) {
    const auto it = find(tag);
    if (it == others_.end() || it->ended) return Ended::kUnknown;
    it->ended = true;
    return Ended::kOther;
  }
  if (const auto it = heir(); it != others_.end()) {
    exchange(s, *it);
    it->ended = true;
    return Ended::kCurrent;
  }
  if (others_.size() + 1 >= kMax) others_.erase(others_.begin());  // all of them have ended
  others_.push_back(*begun_);
  exchange(s, others_.back());
  others_.back().ended = true;
  return Ended::kCurrent;
}

bool EarlyDialogs::has_ended(std::string_view tag) const {
  return std::any_of(others_.begin(), others_.end(),
                     [&](const Early& e) { return e.ended && e.remote_tag == tag; });
}

std::size_t EarlyDialogs::waiting() const {
  return static_cast<std::size_t>(
      std::count_if(others_.begin(), others_.end(), [](const Early& e) { return !e.ended; }));
}

void EarlyDialogs::spoke() {
  media.last = ++count_;
  if (media.first == 0) media.first = count_;
}

bool EarlyDialogs::authorise(const LegState& s, std::string_view tag, bool backward, bool forward) {
  Media* m = &media;
  if (!tag.empty() && s.dialog.remote_tag != tag) {
    const auto it = find(tag);
    if (it == others_.end() || it->ended) return false;
    m = &it->media;
  }
  if (m->backward == backward && m->forward == forward) return false;
  m->backward = backward;
  m->forward = forward;
  return true;
}

std::string EarlyDialogs::preferred(const LegState& s, EarlyMediaGate gate,
                                    std::string_view talks) const {
  const std::string* best = nullptr;
  const Media* has = nullptr;
  // Does it go before what was found so far?
  const auto before = [&](const std::string& tag, const Media& m) {
    if (!has) return true;
    if (m.backward != has->backward) return m.backward;
    if (gate == EarlyMediaGate::kFirst) return m.first < has->first;
    if (gate == EarlyMediaGate::kActive && !talks.empty() && (tag == talks || *best == talks))
      return tag == talks;
    return m.last > has->last;
  };
  const auto look_at = [&](const std::string& tag, const Media& m) {
    if (m.last == 0 || tag.empty() || !before(tag, m)) return;
    best = &tag;
    has = &m;
  };
  look_at(s.dialog.remote_tag, media);
  for (const Early& e : others_)
    if (!e.ended) look_at(e.remote_tag, e.media);
  return best ? *best : std::string();
}

}  // namespace causeway::call
