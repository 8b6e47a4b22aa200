// The schema of a call record: one table, from which JSON, CSV and the test of the document are
// made.
#include "telemetry/record.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "telemetry/text.h"

namespace causeway::telemetry {
namespace {

enum class Form : std::uint8_t { kText, kNumber };  // numbers and booleans stand without quotes

struct FieldSpec {
  std::string_view name;
  Form form;
  void (*write)(std::string&, const CallRecord&);  // nothing: null in JSON, nothing in CSV
};

template <class T>
void number(std::string& out, T n) {
  char buf[24];
  out.append(buf, std::to_chars(buf, std::end(buf), n).ptr);
}
void number_or_nothing(std::string& out, int n) {
  if (n != 0) number(out, n);
}
void boolean(std::string& out, bool b) { out += b ? "true" : "false"; }
void hex(std::string& out, std::uint64_t n) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[(n >> shift) & 15];
}

template <std::string CallRecord::* Member>
void text(std::string& out, const CallRecord& r) {
  out += r.*Member;
}
template <WallTime CallRecord::* Member>
void when(std::string& out, const CallRecord& r) {
  if ((r.*Member).micros != 0) append_rfc3339(out, r.*Member);
}
template <MediaSide CallRecord::* Side>
void codec(std::string& out, const CallRecord& r) {
  out += (r.*Side).codec;
}
template <MediaSide CallRecord::* Side>
void srtp(std::string& out, const CallRecord& r) {
  boolean(out, (r.*Side).srtp);
}
template <MediaSide CallRecord::* Side>
void packets(std::string& out, const CallRecord& r) {
  number(out, (r.*Side).packets);
}
template <MediaSide CallRecord::* Side>
void lost(std::string& out, const CallRecord& r) {
  number(out, (r.*Side).lost);
}
// Thousandths of a millisecond as "1.250".
template <MediaSide CallRecord::* Side>
void jitter(std::string& out, const CallRecord& r) {
  const std::uint32_t us = (r.*Side).jitter_us;
  number(out, us / 1'000);
  out += '.';
  for (const std::uint32_t unit : {100U, 10U, 1U}) out += static_cast<char>('0' + us / unit % 10);
}

// Hundredths as "4.12"; nothing when nothing was heard.
template <MediaSide CallRecord::* Side, std::uint32_t MediaSide::* Member>
void opinion(std::string& out, const CallRecord& r) {
  const std::uint32_t n = r.*Side.*Member;
  if (n == 0) return number_or_nothing(out, 0);
  number(out, n / 100);
  out += '.';
  out += static_cast<char>('0' + n / 10 % 10);
  out += static_cast<char>('0' + n % 10);
}
template <MediaSide CallRecord::* Side>
void one_way(std::string& out, const CallRecord& r) {
  boolean(out, (r.*Side).one_way);
}

constexpr auto kCaller = &CallRecord::from_caller;
constexpr auto kCallee = &CallRecord::from_callee;

const FieldSpec kFields[] = {
    {"version", Form::kNumber,
     [](std::string& o, const CallRecord&) { number(o, kRecordVersion); }},
    {"call", Form::kText, [](std::string& o, const CallRecord& r) { hex(o, r.call); }},
    {"node", Form::kNumber,
     [](std::string& o, const CallRecord& r) { number(o, unsigned{r.node}); }},
    {"region", Form::kText, text<&CallRecord::region>},
    {"started", Form::kText, when<&CallRecord::started>},
    {"ringing", Form::kText, when<&CallRecord::ringing>},
    {"answered", Form::kText, when<&CallRecord::answered>},
    {"ended", Form::kText, when<&CallRecord::ended>},
    {"setup_ms", Form::kNumber,
     [](std::string& o, const CallRecord& r) { number(o, r.setup_ms()); }},
    {"duration_ms", Form::kNumber,
     [](std::string& o, const CallRecord& r) { number(o, r.duration_ms()); }},
    {"from", Form::kText, text<&CallRecord::from>},
    {"to", Form::kText, text<&CallRecord::to>},
    {"service", Form::kText, text<&CallRecord::service>},
    {"account", Form::kText, text<&CallRecord::account>},
    {"tenant", Form::kText, text<&CallRecord::tenant>},
    {"ingress_group", Form::kText, text<&CallRecord::ingress_group>},
    {"ingress_peer", Form::kText, text<&CallRecord::ingress_peer>},
    {"egress_group", Form::kText, text<&CallRecord::egress_group>},
    {"egress_peer", Form::kText, text<&CallRecord::egress_peer>},
    {"ingress_call_id", Form::kText, text<&CallRecord::ingress_call_id>},
    {"egress_call_id", Form::kText, text<&CallRecord::egress_call_id>},
    {"termination", Form::kText, text<&CallRecord::termination>},
    {"reason", Form::kText, text<&CallRecord::reason>},
    {"sip_status", Form::kNumber,
     [](std::string& o, const CallRecord& r) { number_or_nothing(o, r.sip_status); }},
    {"q850_cause", Form::kNumber,
     [](std::string& o, const CallRecord& r) { number_or_nothing(o, r.q850_cause); }},
    {"released_by", Form::kText,
     [](std::string& o, const CallRecord& r) { o += to_string(r.released_by); }},
    {"emergency", Form::kNumber,
     [](std::string& o, const CallRecord& r) { boolean(o, r.emergency); }},
    {"emergency_service", Form::kText, text<&CallRecord::emergency_service>},
    {"caller_codec", Form::kText, codec<kCaller>},
    {"caller_srtp", Form::kNumber, srtp<kCaller>},
    {"caller_packets", Form::kNumber, packets<kCaller>},
    {"caller_lost", Form::kNumber, lost<kCaller>},
    {"caller_jitter_ms", Form::kNumber, jitter<kCaller>},
    {"caller_mos", Form::kNumber, opinion<kCaller, &MediaSide::mos_100>},
    {"caller_mos_min", Form::kNumber, opinion<kCaller, &MediaSide::mos_min_100>},
    {"caller_one_way", Form::kNumber, one_way<kCaller>},
    {"callee_codec", Form::kText, codec<kCallee>},
    {"callee_srtp", Form::kNumber, srtp<kCallee>},
    {"callee_packets", Form::kNumber, packets<kCallee>},
    {"callee_lost", Form::kNumber, lost<kCallee>},
    {"callee_jitter_ms", Form::kNumber, jitter<kCallee>},
    {"callee_mos", Form::kNumber, opinion<kCallee, &MediaSide::mos_100>},
    {"callee_mos_min", Form::kNumber, opinion<kCallee, &MediaSide::mos_min_100>},
    {"callee_one_way", Form::kNumber, one_way<kCallee>},
    {"transfers", Form::kNumber,
     [](std::string& o, const CallRecord& r) { number(o, r.transfers); }},
    {"transferred_by", Form::kText, text<&CallRecord::transferred_by>},
    {"transferred_to", Form::kText, text<&CallRecord::transferred_to>},
    {"transfer_call_id", Form::kText, text<&CallRecord::transfer_call_id>},
    {"transfer_id", Form::kText, text<&CallRecord::transfer_id>},
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
  std::string out, value;
  out.reserve(1'536);
  out = "{";
  for (const auto& f : kFields) {
    if (out.size() > 1) out += ',';
    out.append("\"").append(f.name).append("\":");
    if (f.form == Form::kNumber) {
      const std::size_t before = out.size();
      f.write(out, r);
      if (out.size() == before) out += "null";
      continue;
    }
    value.clear();
    f.write(value, r);
    if (value.empty())
      out += "null";
    else
      append_json_string(out, value);
  }
  return out += "}\n";
}

std::string to_csv_line(const CallRecord& r) {
  std::string out, value;
  out.reserve(768);
  for (const auto& f : kFields) {
    if (&f != kFields) out += ',';
    const std::size_t start = out.size();
    f.write(out, r);
    if (f.form == Form::kNumber) continue;
    const auto special = [](char c) { return c == ',' || c == '"' || c == '\r' || c == '\n'; };
    const auto from = out.begin() + static_cast<std::ptrdiff_t>(start);
    if (std::none_of(from, out.end(), special)) continue;
    value.assign(from, out.end());
    out.resize(start);
    out += '"';
    for (const char c : value) {
      if (c == '"') out += '"';
      out += c == '\r' || c == '\n' ? ' ' : c;  // one line for each record, whatever a peer sent
    }
    out += '"';
  }
  return out += "\n";
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
