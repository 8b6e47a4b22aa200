#include "sip/build.h"

#include "sip/headers.h"

namespace causeway::sip {

std::string Builder::finish(std::string_view body, std::string_view content_type) {
  if (!body.empty() && !content_type.empty()) header(HeaderId::kContentType, content_type);
  header(HeaderId::kContentLength, static_cast<std::int64_t>(body.size()));
  add("\r\n").add(body);
  return std::move(out_);
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100: return "Trying";
    case 180: return "Ringing";
    case 181: return "Call Is Being Forwarded";
    case 182: return "Queued";
    case 183: return "Session Progress";
    case 199: return "Early Dialog Terminated";
    case 200: return "OK";
    case 202: return "Accepted";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Moved Temporarily";
    case 305: return "Use Proxy";
    case 380: return "Alternative Service";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 410: return "Gone";
    case 412: return "Conditional Request Failed";
    case 413: return "Request Entity Too Large";
    case 414: return "Request-URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Unsupported URI Scheme";
    case 417: return "Unknown Resource-Priority";
    case 420: return "Bad Extension";
    case 421: return "Extension Required";
    case 422: return "Session Interval Too Small";
    case 423: return "Interval Too Brief";
    case 428: return "Use Identity Header";
    case 429: return "Provide Referrer Identity";
    case 430: return "Flow Failed";
    case 433: return "Anonymity Disallowed";
    case 436: return "Bad Identity-Info";
    case 437: return "Unsupported Certificate";
    case 438: return "Invalid Identity Header";
    case 439: return "First Hop Lacks Outbound Support";
    case 440: return "Max-Breadth Exceeded";
    case 469: return "Bad Info Package";
    case 470: return "Consent Needed";
    case 480: return "Temporarily Unavailable";
    case 481: return "Call/Transaction Does Not Exist";
    case 482: return "Loop Detected";
    case 483: return "Too Many Hops";
    case 484: return "Address Incomplete";
    case 485: return "Ambiguous";
    case 486: return "Busy Here";
    case 487: return "Request Terminated";
    case 488: return "Not Acceptable Here";
    case 489: return "Bad Event";
    case 491: return "Request Pending";
    case 493: return "Undecipherable";
    case 494: return "Security Agreement Required";
    case 500: return "Server Internal Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Server Time-out";
    case 505: return "Version Not Supported";
    case 513: return "Message Too Large";
    case 580: return "Precondition Failure";
    case 600: return "Busy Everywhere";
    case 603: return "Decline";
    case 604: return "Does Not Exist Anywhere";
    case 606: return "Not Acceptable";
    case 607: return "Unwanted";
    case 608: return "Rejected";
    default: return "Error";
  }
}

namespace {

// The top Via as it goes back (RFC 3261 18.2.1, RFC 3581 4): what the peer claimed as `received` is
// replaced by what we saw, an empty rport is filled in, every other parameter stays.
void add_top_via(Builder& b, std::string_view top, const Via& via, const Endpoint& received) {
  std::string_view sent_by = top.substr(0, top.find(';'));
  while (!sent_by.empty() && is_lws(sent_by.back())) sent_by.remove_suffix(1);
  b.add(sent_by);
  std::string_view params = via.params;
  for (;;) {
    const std::string_view one = next_param(params);
    if (one.empty()) break;
    if (find_param(one, "received")) continue;
    b.add(";").add(one);
    if (iequals(one, "rport")) b.add("=").number(received.port);
  }
  const auto host = IpAddress::literal(via.host);
  if (via.rport || !host || *host != received.address)
    b.add(";received=").add(received.address.to_string());
}

void add_vias(Builder& b, const Message& request, const Endpoint& received) {
  bool first = true;
  for (const HeaderField& f : request.headers()) {
    if (f.id != HeaderId::kVia) continue;
    std::string_view rest = f.value;
    const std::string_view top = first ? next_value(rest) : std::string_view{};
    const Via* via = request.top_via();
    if (!first || !via || received.port == 0) {
      b.header(HeaderId::kVia, f.value);
    } else {
      b.begin(HeaderId::kVia);
      add_top_via(b, top, *via, received);
      if (!rest.empty()) b.add(",").add(rest);
      b.end_line();
    }
    first = false;
  }
}

}  // namespace

Builder begin_response(const Message& request, int status, std::string_view reason,
                       std::string_view to_tag, const Endpoint& received) {
  Builder b;
  b.status_line(status, reason);
  add_vias(b, request, received);
  // The answer to a broken request (400) leaves out what was missing.
  if (request.has(HeaderId::kFrom)) b.header(HeaderId::kFrom, request.value(HeaderId::kFrom));
  if (request.has(HeaderId::kTo)) {
    const std::string_view to = request.value(HeaderId::kTo);
    b.begin(HeaderId::kTo).add(to);
    if (!to_tag.empty() && request.to() && request.to_tag().empty()) b.add(";tag=").add(to_tag);
    b.end_line();
  }
  if (request.has(HeaderId::kCallId)) b.header(HeaderId::kCallId, request.call_id());
  if (request.has(HeaderId::kCSeq)) b.header(HeaderId::kCSeq, request.value(HeaderId::kCSeq));
  return b;
}

}  // namespace causeway::sip
