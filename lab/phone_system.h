// The simulated Phone System: three names, TLS with mutual authentication, SRTP. It never sends a
// request on a connection that the gateway opened (TDR-20), and its own OPTIONS begin only after it
// has seen the gateway's (TDR-31). Lab thread.
#pragma once

#include <set>

#include "lab/agent.h"

namespace causeway::lab {

class PhoneSystem final : public Agent {
 public:
  PhoneSystem(Loop& loop, MediaPump& pump, Random& random, Ladder& ladder, AgentSettings settings,
              ServiceView view);
  ~PhoneSystem() override;

  [[nodiscard]] std::string contact_for(const Call& call) const override;
  [[nodiscard]] std::string sent_by(std::size_t site) const override;
  [[nodiscard]] bool is_own_route(const std::string& route) const override {
    return route.find(view_.domain) != std::string::npos;
  }
  void dress_request(SipMessage& m, const Call* call) const override;
  void dress_response(SipMessage& m, const Call* call) const override;
  [[nodiscard]] Violations check_request(const SipMessage& m, const Flow& flow,
                                         const Call* call) const override;
  [[nodiscard]] Violations check_response(const SipMessage& m,
                                          const std::string& method) const override;
  [[nodiscard]] Violations check_sdp(const SdpText& s, const SdpText* ours) const override;
  [[nodiscard]] std::optional<LabRefusal> refusal(const Violations& v) const override {
    return service_refusal(v);
  }
  [[nodiscard]] bool capitals() const override { return true; }
  // The order, and the tags that follow from it, are the service's (TDM-03); it answers with _80.
  [[nodiscard]] std::vector<std::string> suites() const override {
    return {"AES_CM_128_HMAC_SHA1_32", kSuite};
  }
  [[nodiscard]] std::string choose_suite(const SdpText&) const override { return kSuite; }

 private:
  void on_options(const SipMessage& m, const Flow& flow) override;
  void send_next_options(std::size_t site);
  [[nodiscard]] std::string record_route(std::size_t site) const;

  static constexpr const char* kSuite = "AES_CM_128_HMAC_SHA1_80";
  ServiceView view_;
  std::map<std::size_t, std::string> trunks_;  // site: URI of the gateway's Contact
  std::map<std::size_t, Loop::TimerId> timers_;
};

}  // namespace causeway::lab
