// Any bytes as a SIP message: parse, ask for everything, write it back, answer it.
#include <cstdlib>

#include "sip/build.h"
#include "sip/headers.h"
#include "sip/message.h"
#include "sip/tag.h"
#include "sip/telephone.h"

using namespace causeway;
using namespace causeway::sip;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::size_t touch(std::string_view s) {
  std::size_t sum = 0;
  for (const char c : s) sum += static_cast<unsigned char>(c);
  return sum;
}

std::size_t touch_uri(std::string_view text) {
  const auto u = parse_uri(text);
  if (!u) return touch(u.error().what);
  return touch(u->scheme) + touch(u->user) + touch(u->password) + touch(u->host) +
         touch(u->params) + touch(u->headers) + u->port +
         touch(u->param("user").value_or(std::string_view{})) + telephone_number(*u).dialled.size();
}

std::size_t touch_value(std::string_view value) {
  std::size_t sum = 0;
  std::string_view list = value;
  for (auto one = next_value(list); !one.empty(); one = next_value(list)) {
    if (const auto a = parse_name_addr(one))
      sum += touch(a->display) + touch(a->tag()) + touch_uri(a->uri);
    if (const auto v = parse_via(one))
      sum += touch(v->transport) + touch(v->host) + touch(v->branch) + v->port;
  }
  return sum + parse_u32(value).value_or(0);
}

std::string write(const Message& m) {
  Builder b;
  if (m.is_request())
    b.request_line(m.method_text(), m.request_uri());
  else
    b.status_line(m.status(), m.reason_phrase());
  for (const HeaderField& f : m.headers())
    if (f.id != HeaderId::kContentLength) b.copy(f);
  return b.finish(m.body());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto m = Message::parse({reinterpret_cast<const char*>(data), size});
  if (!m) return 0;
  std::size_t sum = touch(m->method_text()) + touch_uri(m->request_uri()) + touch(m->body());
  for (const HeaderField& f : m->headers()) {
    sum += touch(f.name) + touch_value(f.value);
    require(m->find(f.name) != nullptr && (f.id == HeaderId::kOther || m->count(f.id) > 0));
  }
  const auto owner = owner_of(*m, NodeId{1});
  require(!m->is_request() || owner.has_value());
  const bool valid = validate(*m).has_value();

  ParseLimits roomy;  // long header names are written with a space that may not have been there
  roomy.max_message *= 2;
  roomy.max_headers += 1;
  const auto again = Message::parse(write(*m), roomy);
  // A version other than 2.0 is not written back, and its start line may have been at the limit.
  if (!again) {
    require(again.error().code == ErrorCode::kTooLarge);
    return sum == 1;
  }
  require(again->body() == m->body() && again->cseq() == m->cseq() &&
          again->status() == m->status());
  require(again->method_text() == m->method_text() && again->request_uri() == m->request_uri());
  if (valid) require(validate(*again).has_value());

  if (!m->is_request() || !valid) return 0;
  const Endpoint source{IpAddress::v4(0x7f000001), 5060};
  const auto response =
      Message::parse(begin_response(*m, 500, reason_phrase(500), "tag", source).finish(), roomy);
  require(response.has_value() && validate(*response).has_value());
  require(response->cseq() == m->cseq() && response->call_id() == m->call_id());
  return 0;
}
