// Any bytes as a URI, an address and a telephone number: the parts lie within the text and put
// together again mean the same.
#include <cstdlib>

#include "sip/fields.h"

using namespace causeway::sip;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto u = parse_uri(text)) {
    for (const auto part : {u->scheme, u->user, u->password, u->host, u->params, u->headers})
      require(within(part, text));
    (void)u->param("transport");
    (void)parse_telephone(u->user);
    (void)number_digits(u->user);
    (void)uri_header(u->headers, "Replaces");
    if (u->is_sip()) {
      std::string again(u->scheme);
      again += ":";
      if (!u->user.empty()) again.append(u->user);
      if (!u->password.empty()) again.append(":").append(u->password);
      if (!u->user.empty()) again += "@";
      again.append(u->host);
      if (u->port != 0) again.append(":").append(std::to_string(u->port));
      if (!u->params.empty()) again.append(";").append(u->params);
      if (!u->headers.empty()) again.append("?").append(u->headers);
      const auto v = parse_uri(again);
      require(v.has_value());
      require(v->user == u->user && v->host == u->host && v->port == u->port &&
              v->params == u->params && v->headers == u->headers);
    }
  }
  if (const auto a = parse_name_addr(text)) {
    require(within(a->display, text) && within(a->uri, text) && within(a->params, text));
    (void)a->tag();
    (void)unquote(a->display);
  }
  if (const auto t = parse_telephone(text)) require(!t->number.empty());
  require(unquote(quote(text)).size() <= text.size());
  (void)unescape(text);
  return 0;
}
