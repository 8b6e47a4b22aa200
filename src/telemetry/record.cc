// The schema of a call record: one table, from which JSON, CSV and the test of the document are
// made.
#include "telemetry/record.h"

#include <algorithm>

#include "telemetry/text.h"

namespace causeway::telemetry {
namespace {

enum class Form : std::uint8_t { kText, kNumber };  // numbers and booleans stand without quotes

struct FieldSpec {
  std::string_view name;
  Form form;
  std::string (*value)(const CallRecord&);  // empty text: null in JSON, nothing in CSV
};

std::string time_or_nothing(WallTime t) {
  return t.micros == 0 ? std::string{} : format_rfc3339(t);
}
std::string number_or_nothing(int n) { return n == 0 ? std::string{} : std::to_string(n); }
std::string boolean(bool b) { return b ? "true" : "false"; }
std::string hex(std::uint64_t n) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; n >>= 4) out[i] = kDigits[n & 15];
  return out;
}
// Thousandths of a millisecond as "1.250".
std::string millis(std::uint32_t us) {
  const std::string part = std::to_string(us % 1'000);
  return std::to_string(us / 1'000) + "." + std::string(3 - part.size(), '0') + part;
}

template <std::string CallRecord::* Member>
std::string text(const CallRecord& r) {
  return r.*Member;
}
template <WallTime CallRecord::* Member>
std::string when(const CallRecord& r) {
  return time_or_nothing(r.*Member);
}
template <MediaSide CallRecord::* Side>
std::string codec(const CallRecord& r) {
  return (r.*Side).codec;
}
template <MediaSide CallRecord::* Side>
std::string srtp(const CallRecord& r) {
  return boolean((r.*Side).srtp);
}
template <MediaSide CallRecord::* Side>
std::string packets(const CallRecord& r) {
  return std::to_string((r.*Side).packets);
}
template <MediaSide CallRecord::* Side>
std::string lost(const CallRecord& r) {
  return std::to_string((r.*Side).lost);
}
template <MediaSide CallRecord::* Side>
std::string jitter(const CallRecord& r) {
  return millis((r.*Side).jitter_us);
}

constexpr auto kCaller = &CallRecord::from_caller;
constexpr auto kCallee = &CallRecord::from_callee;

const FieldSpec kFields[] = {
    {"version", Form::kNumber, [](const CallRecord&) { return std::to_string(kRecordVersion); }},
    {"call", Form::kText, [](const CallRecord& r) { return hex(r.call); }},
    {"node", Form::kNumber, [](const CallRecord& r) { return std::to_string(r.node); }},
    {"region", Form::kText, text<&CallRecord::region>},
    {"started", Form::kText, when<&CallRecord::started>},
    {"ringing", Form::kText, when<&CallRecord::ringing>},
    {"answered", Form::kText, when<&CallRecord::answered>},
    {"ended", Form::kText, when<&CallRecord::ended>},
    {"setup_ms", Form::kNumber, [](const CallRecord& r) { return std::to_string(r.setup_ms()); }},
    {"duration_ms", Form::kNumber,
     [](const CallRecord& r) { return std::to_string(r.duration_ms()); }},
    {"from", Form::kText, text<&CallRecord::from>},
    {"to", Form::kText, text<&CallRecord::to>},
    {"ingress_group", Form::kText, text<&CallRecord::ingress_group>},
    {"ingress_peer", Form::kText, text<&CallRecord::ingress_peer>},
    {"egress_group", Form::kText, text<&CallRecord::egress_group>},
    {"egress_peer", Form::kText, text<&CallRecord::egress_peer>},
    {"ingress_call_id", Form::kText, text<&CallRecord::ingress_call_id>},
    {"egress_call_id", Form::kText, text<&CallRecord::egress_call_id>},
    {"termination", Form::kText, text<&CallRecord::termination>},
    {"reason", Form::kText, text<&CallRecord::reason>},
    {"sip_status", Form::kNumber,
     [](const CallRecord& r) { return number_or_nothing(r.sip_status); }},
    {"q850_cause", Form::kNumber,
     [](const CallRecord& r) { return number_or_nothing(r.q850_cause); }},
    {"released_by", Form::kText,
     [](const CallRecord& r) { return std::string(to_string(r.released_by)); }},
    {"emergency", Form::kNumber, [](const CallRecord& r) { return boolean(r.emergency); }},
    {"emergency_service", Form::kText, text<&CallRecord::emergency_service>},
    {"caller_codec", Form::kText, codec<kCaller>},
    {"caller_srtp", Form::kNumber, srtp<kCaller>},
    {"caller_packets", Form::kNumber, packets<kCaller>},
    {"caller_lost", Form::kNumber, lost<kCaller>},
    {"caller_jitter_ms", Form::kNumber, jitter<kCaller>},
    {"callee_codec", Form::kText, codec<kCallee>},
    {"callee_srtp", Form::kNumber, srtp<kCallee>},
    {"callee_packets", Form::kNumber, packets<kCallee>},
    {"callee_lost", Form::kNumber, lost<kCallee>},
    {"callee_jitter_ms", Form::kNumber, jitter<kCallee>},
};

std::int64_t between_ms(WallTime from, WallTime to) {
  if (from.micros == 0 || to.micros == 0) return 0;
  return std::max<std::int64_t>(0, (to.micros - from.micros) / 1'000);
}

}  // namespace

std::string_view to_string(Released r) {
  switch (r) {
    case Released::kUnknown: return "";
    case Released::kCaller: return "caller";
    case Released::kCallee: return "callee";
    case Released::kGateway: return "gateway";
  }
  return "";
}

std::int64_t CallRecord::setup_ms() const {
  return between_ms(started, answered.micros != 0 ? answered : ended);
}
std::int64_t CallRecord::duration_ms() const { return between_ms(answered, ended); }

std::string to_json_line(const CallRecord& r) {
  std::string out = "{";
  for (const auto& f : kFields) {
    if (out.size() > 1) out += ',';
    append_json_string(out, f.name);
    out += ':';
    const std::string value = f.value(r);
    if (value.empty())
      out += "null";
    else if (f.form == Form::kNumber)
      out += value;
    else
      append_json_string(out, value);
  }
  return out + "}\n";
}

std::string to_csv_line(const CallRecord& r) {
  std::string out;
  for (const auto& f : kFields) {
    if (&f != kFields) out += ',';
    const std::string value = f.value(r);
    if (value.find_first_of(",\"\r\n") == std::string::npos) {
      out += value;
      continue;
    }
    out += '"';
    for (const char c : value) {
      if (c == '"') out += '"';
      out += c == '\r' || c == '\n' ? ' ' : c;  // one line for each record, whatever a peer sent
    }
    out += '"';
  }
  return out + "\n";
}

std::string csv_header() {
  std::string out;
  for (const auto& f : kFields) out += (out.empty() ? "" : ",") + std::string(f.name);
  return out + "\n";
}

std::vector<std::string> record_fields() {
  std::vector<std::string> out;
  for (const auto& f : kFields) out.emplace_back(f.name);
  return out;
}

}  // namespace causeway::telemetry
