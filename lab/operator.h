// The simulated operator's site: over UDP, TCP or TLS, with RTP or with keys in the SDP. Lab
// thread.
#pragma once

#include "lab/agent.h"

namespace causeway::lab {

class Operator final : public Agent {
 public:
  Operator(Loop& loop, MediaPump& pump, Random& random, Ladder& ladder, AgentSettings settings,
           OperatorView view)
      : Agent(Side::kOperator, loop, pump, random, ladder, std::move(settings)),
        view_(std::move(view)) {}

  [[nodiscard]] std::string contact_for(const Call& call) const override;
  [[nodiscard]] std::string sent_by(std::size_t site) const override;
  void dress_request(SipMessage& m, const Call* call) const override;
  void dress_response(SipMessage& m, const Call* call) const override;
  [[nodiscard]] Violations check_request(const SipMessage& m, const Flow& flow,
                                         const Call* call) const override;
  [[nodiscard]] Violations check_response(const SipMessage& m,
                                          const std::string& method) const override;
  [[nodiscard]] Violations check_sdp(const SdpText& s, const SdpText* ours) const override;
  [[nodiscard]] std::optional<LabRefusal> refusal(const Violations&) const override {
    return std::nullopt;
  }
  [[nodiscard]] bool capitals() const override { return false; }
  [[nodiscard]] std::vector<std::string> suites() const override { return settings().suites; }

 private:
  void on_options(const SipMessage&, const Flow&) override {}
  OperatorView view_;
};

}  // namespace causeway::lab
