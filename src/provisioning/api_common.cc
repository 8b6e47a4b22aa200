// What the operations have in common: bodies, parameters, pages, conditions, transactions.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "provisioning/api.h"
#include "provisioning/fields.h"

namespace causeway::provisioning {
namespace {

constexpr std::int64_t kDefaultPage = 200, kMaxPage = 500;

std::string lower(std::string s) {
  for (char& c : s)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return s;
}

// FNV-1a, 64 bits: tells one request under an id from another.
std::string fingerprint(const Request& r) {
  std::uint64_t h = 14'695'981'039'346'656'037u;
  for (const std::string_view part :
       {std::string_view(r.method), std::string_view(r.target), std::string_view(r.body)}) {
    for (const char c : part) h = (h ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
    h = (h ^ 0xffu) * 1'099'511'628'211u;
  }
  return fmt::format("{:016x}", h);
}

tl::unexpected<Problem> rejected(int status, std::string message) {
  Problem p{status, "RepeatabilityRejected", std::move(message), "Repeatability-Request-ID", {}};
  p.repeat_rejected = true;
  return tl::unexpected(std::move(p));
}

// The key under which the answer is kept; empty when it is not asked for.
Outcome<std::string> repeat_key(const Api::Call& call) {
  const std::string* id = call.request.header("repeatability-request-id");
  const std::string* sent = call.request.header("repeatability-first-sent");
  if (id == nullptr && sent == nullptr) return std::string();
  if (id == nullptr || sent == nullptr)
    return rejected(400, "Repeatability-Request-ID and Repeatability-First-Sent go together");
  if (!is_guid(*id)) return rejected(400, "Repeatability-Request-ID is no UUID: write one");
  const auto at = parse_date(*sent);
  if (!at)
    return rejected(400,
                    "Repeatability-First-Sent is no date: write it as 'Sun, 06 Nov 1994 "
                    "08:49:37 GMT' or '1994-11-06T08:49:37Z'");
  const std::int64_t now = call.now.micros / 1'000'000;
  if (*at > now + Api::kClockSkewSeconds)
    return rejected(412, "Repeatability-First-Sent is in the future: look at your clock");
  if (*at < now - Api::kRepeatableSeconds)
    return rejected(412,
                    "Repeatability-First-Sent is more than 24 hours ago: its answer is not kept "
                    "any more");
  return call.caller.name + "/" + lower(*id);
}

Response from_kept(const store::Repeatable& kept) {
  Response r;
  r.status = static_cast<int>(kept.status);
  r.body = kept.body;
  std::string_view lines = kept.headers;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (const std::size_t colon = line.find(": "); colon != std::string_view::npos)
      r.set(std::string(line.substr(0, colon)), std::string(line.substr(colon + 2)));
  }
  return r;
}

Outcome<std::optional<std::int64_t>> whole_parameter(const Api::Call& call, std::string_view name,
                                                     std::int64_t min, std::int64_t max) {
  const std::string* text = call.target.parameter(name);
  if (text == nullptr) return std::nullopt;
  std::int64_t n = 0;
  const char* end = text->data() + text->size();
  const auto [p, ec] = std::from_chars(text->data(), end, n);
  if (ec != std::errc{} || p != end || n < min || n > max)
    return refuse(400, "InvalidParameter",
                  fmt::format("{} is {}: write a whole number from {} to {}", name,
                              Json(*text).describe(), min, max),
                  std::string(name));
  return n;
}

std::string base_of(const Api::Call& call, const std::string& public_url) {
  if (!public_url.empty()) return public_url;
  const std::string* host = call.request.header("host");
  const bool good = host != nullptr && !host->empty() && host->size() <= 255 &&
                    std::all_of(host->begin(), host->end(), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                             (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == ':' ||
                             c == '[' || c == ']';
                    });
  return good ? "https://" + *host : std::string();
}

}  // namespace

Outcome<Json> body_of(const Api::Call& call, std::string_view media_type) {
  const std::string* type = call.request.header("content-type");
  std::string given = type == nullptr ? "" : lower(*type);
  given = given.substr(0, given.find(';'));
  while (!given.empty() && given.back() == ' ') given.pop_back();
  if (given != media_type)
    return refuse(415, "UnsupportedMediaType",
                  fmt::format("Content-Type is {}: write {}",
                              type == nullptr ? "missing" : Json(*type).describe(), media_type),
                  "Content-Type");
  auto body = parse_json(call.request.body);
  if (!body) return refuse(400, "InvalidJson", body.error().what, "body");
  return std::move(*body);
}

Outcome<void> only_parameters(const Api::Call& call,
                              std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : call.target.query)
    if (name != "api-version" && std::find(names.begin(), names.end(), name) == names.end())
      return refuse(
          400, "UnknownParameter",
          fmt::format("the parameter {} does not exist here: take it out; known are "
                      "api-version{}{}",
                      Json(name).describe(), names.size() == 0 ? "" : ", ", fmt::join(names, ", ")),
          "query");
  return {};
}

Outcome<bool> flag_parameter(const Api::Call& call, std::string_view name) {
  const std::string* text = call.target.parameter(name);
  if (text == nullptr || *text == "false") return false;
  if (*text == "true") return true;
  return refuse(400, "InvalidParameter",
                fmt::format("{} is {}: write true or false", name, Json(*text).describe()),
                std::string(name));
}

Outcome<Listing> listing_of(const Api::Call& call, std::span<const FilterField> fields,
                            std::initializer_list<std::string_view> more_parameters) {
  const bool old = call.version == Version::k2023;
  std::vector<std::string_view> known{"maxpagesize", "skip", "skipToken"};
  if (!old) known.insert(known.end(), {"top", "filter", "countRecords"});
  known.insert(known.end(), more_parameters.begin(), more_parameters.end());
  for (const auto& [name, value] : call.target.query)
    if (name != "api-version" && std::find(known.begin(), known.end(), name) == known.end())
      return refuse(400, "UnknownParameter",
                    fmt::format("the parameter {} does not exist here: take it out; known are "
                                "api-version, {}",
                                Json(name).describe(), fmt::join(known, ", ")),
                    "query");
  constexpr std::int64_t kMost = 2'000'000'000;
  Listing out;
  // 2023-10-01 forbids more than 500; afterwards the server may send fewer than it is asked for.
  const auto size = whole_parameter(call, "maxpagesize", 1, old ? kMaxPage : kMost);
  const auto skip = whole_parameter(call, "skip", 0, kMost);
  const auto top = whole_parameter(call, "top", 0, kMost);
  const auto count = flag_parameter(call, "countRecords");
  if (!size) return tl::unexpected(size.error());
  if (!skip) return tl::unexpected(skip.error());
  if (!top) return tl::unexpected(top.error());
  if (!count) return tl::unexpected(count.error());
  out.shown = std::min(size->value_or(kDefaultPage), kMaxPage);
  out.top = *top;
  if (out.top) out.shown = std::min(out.shown, *out.top);
  out.page.limit = out.shown + 1;
  out.page.skip = skip->value_or(0);
  out.count = *count;
  if (const std::string* after = call.target.parameter("skipToken")) out.page.after = *after;
  if (const std::string* text = call.target.parameter("filter")) {
    auto where = parse_filter(*text, fields);
    if (!where) return tl::unexpected(where.error());
    out.page.where = std::move(*where);
  }
  return out;
}

Response list_response(const Api::Call& call, const Listing& listing, Json::Array values, bool more,
                       const std::string& last, std::optional<std::int64_t> count) {
  const auto shown = static_cast<std::int64_t>(values.size());
  Json body;
  body["value"] = std::move(values);
  if (more && (!listing.top || *listing.top > shown)) {
    std::string link = base_of(call, call.public_url());
    for (const auto& part : call.target.path) link += "/" + percent_encoded(part);
    link += "?";
    for (const auto& [name, value] : call.target.query) {
      if (name == "skip" || name == "skipToken" || name == "top" || name == "countRecords")
        continue;
      link += percent_encoded(name) + "=" + percent_encoded(value) + "&";
    }
    if (listing.top) link += fmt::format("top={}&", *listing.top - shown);
    body["nextLink"] = link + "skipToken=" + percent_encoded(last);
  }
  Response r = json_response(200, body);
  if (count) r.set("x-ms-record-count", std::to_string(*count));
  return r;
}

Response resource_response(const Api::Call& call, std::int64_t version, WallTime modified,
                           const Json& body) {
  Response r;
  if (const auto status = failed_condition(call.request, Existing{etag_2023(version), modified});
      status == 412)
    return Api::refusal(call.request,
                        {412,
                         "PreconditionFailed",
                         "the resource is not as the conditional headers want it: read "
                         "it again",
                         "headers",
                         {}});
  else if (status == 304)
    r.status = 304;
  else
    r = json_response(200, body);
  r.set("ETag", etag_header(version));
  r.set("Last-Modified", http_date(modified.micros / 1'000'000));
  return r;
}

Outcome<void> conditions_hold(const Api::Call& call, const std::optional<Existing>& existing) {
  if (!failed_condition(call.request, existing)) return {};
  return refuse(412, "PreconditionFailed",
                existing ? "the resource has changed, or is there already: read it again"
                         : "the resource is not there",
                "headers");
}

Outcome<Response> write(const Api::Call& call,
                        const std::function<Outcome<Response>(store::Writer&)>& work) {
  const auto key = repeat_key(call);
  if (!key) return tl::unexpected(key.error());
  auto w = call.store().write(call.caller.name, call.now);
  if (!w) return tl::unexpected(problem_of(w.error()));
  store::Repeatable kept{*key, fingerprint(call.request), 0, "", "", call.now};
  if (!key->empty()) {
    const auto before = (*w)->repeatable(*key);
    if (!before && before.error().code != ErrorCode::kNotFound)
      return tl::unexpected(problem_of(before.error()));
    if (before && before->fingerprint != kept.fingerprint)
      return rejected(412,
                      "another request came under this Repeatability-Request-ID: write a new one");
    if (before) return from_kept(*before);
  }
  auto r = work(**w);
  if (!r || r->status >= 400) return r;
  if (!key->empty()) {
    kept.status = r->status;
    kept.body = r->body;
    for (const auto& [name, value] : r->headers) kept.headers += name + ": " + value + "\n";
    if (const Status s = (*w)->keep_repeatable(kept); !s)
      return tl::unexpected(problem_of(s.error()));
  }
  if (const Status s = (*w)->commit(); !s) return tl::unexpected(problem_of(s.error()));
  return r;
}

Outcome<Response> read(const Api::Call& call,
                       const std::function<Outcome<Response>(store::Reader&)>& work) {
  if (call.request.method != "GET")
    if (const auto key = repeat_key(call); !key) return tl::unexpected(key.error());
  auto r = call.store().read();
  if (!r) return tl::unexpected(problem_of(r.error()));
  return work(**r);
}

}  // namespace causeway::provisioning
