// The simulated Zoom Phone of Provider Exchange: TLS, SRTP with four suites, REFER and UPDATE in
// Allow and no PRACK. Of its real rules few are public; these are they (ZM-01 to ZM-22). Lab
// thread.
#pragma once

#include <map>

#include "lab/agent.h"

namespace causeway::lab {

class ZoomPhone final : public Agent {
 public:
  ZoomPhone(Loop& loop, MediaPump& pump, Random& random, Ladder& ladder, AgentSettings settings,
            ServiceView view);
  ~ZoomPhone() override;

  [[nodiscard]] std::string contact_for(const Call& call) const override;
  [[nodiscard]] std::string sent_by(std::size_t site) const override;
  [[nodiscard]] std::vector<std::string> suites() const override;
  void dress_request(SipMessage& m, const Call* call) const override;
  void dress_response(SipMessage& m, const Call* call) const override;
  [[nodiscard]] Violations check_request(const SipMessage& m, const Flow& flow,
                                         const Call* call) const override;
  [[nodiscard]] Violations check_response(const SipMessage& m,
                                          const std::string& method) const override;
  [[nodiscard]] Violations check_sdp(const SdpText& s, const SdpText* ours) const override;
  [[nodiscard]] std::optional<LabRefusal> refusal(const Violations& v) const override;
  [[nodiscard]] bool capitals() const override { return false; }

 private:
  void on_options(const SipMessage& m, const Flow& flow) override;
  void send_next_options(std::size_t site);

  ServiceView view_;
  std::map<std::size_t, std::string> trunks_;  // site: URI of the gateway's Contact
  std::map<std::size_t, Loop::TimerId> timers_;
};

}  // namespace causeway::lab
