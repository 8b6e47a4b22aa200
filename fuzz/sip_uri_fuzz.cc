// Any bytes as a URI, an address and a telephone number: the parts lie within the text and put
// together again mean the same.
#include <cstdlib>
#include <string>
#include <vector>

#include "sip/fields.h"
#include "sip/telephone.h"

using namespace causeway::sip;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// What is written of a number is read back as the same number, and a good tel URI has one.
void check_number(const Uri& uri) {
  const TelephoneNumber n = telephone_number(uri);
  require(within(n.parameters, uri.text) && within(n.context, uri.text));
  require(n.global.empty() || (n.global.front() == '+' && n.global.size() <= 16));
  if (n.dialled.empty()) return;
  const std::vector<std::string> names{"ext", "isub", "phone-context", "rn", "npdi", "a"};
  const std::string again =
      "sip:" + escape_user(n.dialled) + parameters_of(n, names) + "@h;user=phone";
  const auto v = parse_uri(again);
  require(v.has_value());
  const TelephoneNumber m = telephone_number(*v);
  require(m.dialled == n.dialled);
  require(parameters_of(m, names) == parameters_of(n, names) || !m.global.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto u = parse_uri(text)) {
    for (const auto part : {u->scheme, u->user, u->password, u->host, u->params, u->headers})
      require(within(part, text));
    (void)u->param("transport");
    check_number(*u);
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
  require(unquote(quote(text)).size() <= text.size());
  (void)unescape(text);
  return 0;
}
