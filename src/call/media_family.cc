#include "call/media_family.h"

#include <algorithm>

namespace causeway::call {

media::Family media_family(const deployment::Realm& realm, const deployment::PeerGroup& group,
                           bool signalled_by_v6, const std::optional<IpAddress>& offered) {
  const auto has = [&](bool v6) {
    return v6 ? realm.media_v6.has_value() : realm.media_v4.has_value();
  };
  const auto lets_in = [&](bool v6) {
    const auto& from = group.media_sources;
    return from.empty() || std::any_of(from.begin(), from.end(),
                                       [&](const Prefix& p) { return p.address().is_v6() == v6; });
  };
  bool v6 = signalled_by_v6;
  if (offered && !offered->is_unspecified() && has(offered->is_v6()))
    v6 = offered->is_v6();
  else if (!(has(v6) && lets_in(v6)) && has(!v6) && (lets_in(!v6) || !has(v6)))
    v6 = !v6;
  return v6 ? media::Family::kV6 : media::Family::kV4;
}

}  // namespace causeway::call
