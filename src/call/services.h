// What a call needs of its shard, and what it asks of the collection it lives in.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "call/local_media.h"
#include "media/media_plane.h"
#include "peers/admission.h"
#include "peers/locator.h"
#include "peers/peer_table.h"
#include "telemetry/counters.h"
#include "telemetry/record.h"
#include "telemetry/trail.h"
#include "transport/transaction_layer.h"

namespace causeway::call {

class Call;
struct CallState;
struct JoinQuestion;
struct JoinOrder;

// What a call asks of the collection it lives in.
class CallOwner {
 public:
  virtual void bind_tag(const std::string& local_tag, Call& call, LegId leg) = 0;
  virtual void unbind_tag(const std::string& local_tag) = 0;
  virtual void bind_media(media::MediaLegId id, Call& call, LegId leg) = 0;
  virtual void unbind_media(media::MediaLegId id) = 0;
  // Media between us and that peer does not pass, as the peer's checks or its words say.
  virtual void on_media_failed(const std::string& peer, const std::string& what) = 0;
  // For the place of a dialog in another call, on whichever shard: Call::on_join_answer() of the
  // asking call follows, perhaps before this returns.
  virtual void ask_to_join(const JoinQuestion& question) = 0;
  // A leg goes over there: Call::on_joined() follows.
  virtual void hand_leg_over(std::unique_ptr<JoinOrder> order) = 0;
  // The call is over for its callers: counted out, recorded.
  virtual void on_terminated(Call& call, telemetry::CallRecord record) = 0;
  // Nothing is left to wait for. The object is destroyed later, never inside this call.
  virtual void on_finished(Call& call) = 0;

 protected:
  ~CallOwner() = default;
};

// The services of the shard; borrowed by every call.
struct CallServices {
  reactor::Reactor& reactor;
  transport::TransactionLayer& layer;
  media::MediaPlane& media;
  peers::PeerTable& peers;
  peers::Locator& locator;
  peers::Admission& admission;
  UserPlaces& places;
  telemetry::TrailStore& trails;
  telemetry::ShardCounters& counters;
  CallOwner& owner;
};

}  // namespace causeway::call
