// What concerns two calls of the gateway, or a call and an INVITE that names a dialog of it: found
// by the tag that is named, whose bucket says which shard has it.
#include "call/joining.h"

#include "base/log.h"
#include "call/call.h"
#include "call/gateway_shard.h"
#include "sip/headers.h"
#include "sip/tag.h"

namespace causeway::call {

using sip::HeaderId;

namespace {

constexpr std::size_t kMaxWaiting = 4'096;
constexpr Millis kPostAgain{2};

}  // namespace

// --- INVITE with Replaces ------------------------------------------------------------------------

// False: it is a call like any other.
bool GatewayShard::take_replaces(transport::TxId tx, const transport::Received& r,
                                 const RuledInvite& ruled) {
  const sip::Message& m = r.message;
  const auto& d = layer_.transport().deployment();
  const auto& profile = d.profile(d.group(r.group).profile);
  if (profile.replaces == deployment::ReplacesWith::kOff) return false;
  const auto dialog = named_dialog(m.value(HeaderId::kReplaces));
  const TagOwner* who = dialog ? owner_of_tag(dialog->to_tag) : nullptr;
  // Whoever needs help gets it, whatever else the request says.
  const bool for_help =
      m.target() && policy::emergency_service(d, m.target()->user, m.request_uri()).has_value();
  if (!who && for_help) return false;
  ReferRefusal refusal;
  if (m.count(HeaderId::kReplaces) != 1 || m.find("Join") != nullptr)
    refusal = {400, "an INVITE names several dialogs (Replaces, Join)"};
  else if (!dialog)
    refusal = {400, "Replaces names no dialog"};
  else if (dialog->call_id == m.call_id())
    refusal = {400, "an INVITE that replaces itself"};
  else if (!who)
    refusal = {481, "the dialog to be replaced is not known"};
  else if (who->call->take_over(who->leg, *dialog, tx, r, ruled, refusal))
    return true;
  if (for_help) return false;
  counters_.transfers.add("replace_refused");
  counters_.refused.add("replaces");
  const sip::Message* came = layer_.request_of(tx);
  on_refused_call(came ? *came : m, r.flow, refusal.status, refusal.why);
  answer(tx, r, refusal.status, refusal.why);
  return true;
}

// --- Between calls -------------------------------------------------------------------------------

ShardId GatewayShard::shard_of_dialog(const NamedDialog& dialog) const {
  const auto owner = sip::owner_of_tag(dialog.to_tag);
  if (!owner) return reactor_.shard();
  return layer_.transport().dialog_shard(dialog.to_tag, owner->bucket);
}

void GatewayShard::ask_to_join(const JoinQuestion& question) {
  auto mail = std::make_unique<JoinMail>();
  mail->kind = JoinMail::Kind::kQuestion;
  mail->from = reactor_.shard();
  mail->question = question;
  post_join(shard_of_dialog(question.dialog), std::move(mail));
}

void GatewayShard::hand_leg_over(std::unique_ptr<JoinOrder> order) {
  auto mail = std::make_unique<JoinMail>();
  mail->kind = JoinMail::Kind::kOrder;
  mail->from = reactor_.shard();
  mail->question = order->question;
  mail->order = std::move(order);
  const ShardId to = shard_of_dialog(mail->question.dialog);
  post_join(to, std::move(mail));
}

void GatewayShard::post_join(ShardId to, std::unique_ptr<JoinMail> mail) {
  if (to == reactor_.shard()) return on_join_mail(*mail);
  if (mail->kind == JoinMail::Kind::kQuestion && join_mail_.size() >= kMaxWaiting)
    return;  // whoever asks gives up by itself
  join_mail_.emplace_back(to, std::move(mail));
  if (join_mail_.size() == 1) send_join_mail();
}

// A leg must not get lost between shards: what there is no room for is said again.
void GatewayShard::send_join_mail() {
  while (!join_mail_.empty() && reactor_.post(join_mail_.front().first, join_mail_.front().second))
    join_mail_.pop_front();
  if (!join_mail_.empty()) reactor_.timers().schedule(reactor_.now() + kPostAgain, *this, kJoin);
}

// The dialog has gone over to another shard, and its tag still leads here.
bool GatewayShard::send_on(JoinMail& mail) {
  const ShardId here = reactor_.shard();
  const auto owner = sip::owner_of_tag(mail.question.dialog.to_tag);
  if (!owner || layer_.transport().shard_of(owner->bucket) != here) return false;
  const ShardId at = shard_of_dialog(mail.question.dialog);
  if (at == here) return false;
  auto on = std::make_unique<JoinMail>();
  on->kind = mail.kind;
  on->from = mail.from;
  on->question = std::move(mail.question);
  on->order = std::move(mail.order);
  post_join(at, std::move(on));
  return true;
}

void GatewayShard::on_join_mail(JoinMail& mail) {
  using Kind = JoinMail::Kind;
  const auto reply = [&](Kind kind, JoinAnswer answer, std::unique_ptr<JoinOrder> back) {
    auto out = std::make_unique<JoinMail>();
    out->kind = kind;
    out->from = mail.from;
    out->question.from = mail.question.from;
    out->answer = std::move(answer);
    out->order = std::move(back);
    post_join(mail.from, std::move(out));
  };
  const auto* asking = calls_.find(mail.question.from);
  const auto* who = owner_of_tag(mail.question.dialog.to_tag);
  if (!who && (mail.kind == Kind::kQuestion || mail.kind == Kind::kOrder) && send_on(mail)) return;
  switch (mail.kind) {
    case Kind::kQuestion:
      return reply(Kind::kAnswer,
                   who ? who->call->may_join(who->leg, mail.question)
                       : JoinAnswer{481, "the dialog that Refer-To names is not known", {}},
                   nullptr);
    case Kind::kAnswer:
      if (asking) (*asking)->on_join_answer(mail.answer);
      return;
    case Kind::kOrder: {
      JoinAnswer answer = who ? who->call->join(who->leg, *mail.order)
                              : JoinAnswer{481, "the dialog that Refer-To names is over", {}};
      const bool joined = answer.status == 200;
      return reply(Kind::kDone, std::move(answer), joined ? nullptr : std::move(mail.order));
    }
    case Kind::kDone:
      if (asking)
        (*asking)->on_joined(mail.answer, mail.order.get());
      else if (mail.order)
        log::error("a leg came back from another call, and its own was over");
      return;
  }
}

}  // namespace causeway::call
