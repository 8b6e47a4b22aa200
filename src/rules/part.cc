#include "rules/part.h"

#include <algorithm>
#include <array>

#include "base/host_name.h"
#include "base/net.h"
#include "sip/fields.h"
#include "sip/telephone.h"

namespace causeway::rules {
namespace {

// RFC 3261 25.1 user, and '#', which services send.
bool is_user(std::string_view text) {
  constexpr std::string_view kMarks = "-_.!~*'()&=+$,;?/%#";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_host(std::string_view text) {
  return is_host_name(text) || IpAddress::literal(text).has_value();
}

bool is_param_value(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    const std::string_view inside = text.substr(1, text.size() - 2);
    return inside.find_first_of("\"\\") == std::string_view::npos;
  }
  constexpr std::string_view kMore = "[]/:&$";  // RFC 3261 25.1 param-unreserved
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return sip::is_token_char(c) || kMore.find(c) != std::string_view::npos;
  });
}

tl::unexpected<Error> no_part(std::string_view what, std::string_view text) {
  return fail(ErrorCode::kMalformed,
              "\"" + std::string(text.substr(0, 128)) + "\" is no " + std::string(what));
}

// A display name as it may stand in front of an address.
std::string display_text(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return sip::quote(sip::unquote(text));
  return sip::quote(text);
}

std::string address(std::string_view display, std::string_view uri, std::string_view params) {
  std::string out;
  if (!display.empty()) out.append(display).append(" ");
  out.append("<").append(uri).append(">");
  if (!params.empty()) out.append(";").append(params);
  return out;
}

std::string sip_uri(const sip::Uri& u, std::string_view user, std::string_view host,
                    std::string_view params) {
  std::string out(u.scheme);
  out += ':';
  if (!user.empty()) {
    out += user;
    if (!u.password.empty()) out.append(":").append(u.password);
    out += '@';
  }
  out += host;
  if (u.port != 0) out += ":" + std::to_string(u.port);
  if (!params.empty()) out.append(";").append(params);
  if (!u.headers.empty()) out.append("?").append(u.headers);
  return out;
}

Result<std::string> checked_uri(std::string text) {
  const auto u = sip::parse_uri(text);
  if (!u || (!u->is_sip() && !u->is_tel() && !u->is_service()) || u->quirks != 0)
    return no_part("URI", text);
  if (u->is_tel())
    if (auto ok = sip::check_telephone(*u); !ok) return tl::unexpected(ok.error());
  if (u->is_sip() && !is_host(u->host)) return no_part("URI", text);
  return text;
}

}  // namespace

std::optional<std::string_view> part_of_uri(std::string_view uri, Part part) {
  if (part == Part::kWhole || part == Part::kUri) return uri;
  const auto u = sip::parse_uri(uri);
  if (!u || part == Part::kDisplay) return std::nullopt;
  if (part == Part::kUser && (u->is_sip() || u->is_tel())) return u->user;
  if (part == Part::kHost && u->is_sip()) return u->host;
  return std::nullopt;
}

std::optional<std::string_view> part_of(std::string_view value, Part part) {
  if (part == Part::kWhole) return value;
  const auto a = sip::parse_name_addr(value);
  if (!a) return std::nullopt;
  if (part == Part::kDisplay) {
    std::string_view d = a->display;
    if (d.size() >= 2 && d.front() == '"' && d.back() == '"') d = d.substr(1, d.size() - 2);
    return d;
  }
  return part_of_uri(a->uri, part);
}

Result<std::string> with_part_of_uri(std::string_view uri, Part part, std::string_view text) {
  if (part == Part::kWhole || part == Part::kUri) return checked_uri(std::string(text));
  const auto u = sip::parse_uri(uri);
  if (!u) return tl::unexpected(u.error());
  if (part == Part::kUser && u->is_tel()) {
    std::string out = std::string(u->scheme) + ":" + std::string(text);
    if (!u->params.empty()) out.append(";").append(u->params);
    return checked_uri(std::move(out));
  }
  if (part == Part::kUser && u->is_sip()) {
    if (!is_user(text)) return no_part("user part", text);
    return checked_uri(sip_uri(*u, text, u->host, u->params));
  }
  if (part == Part::kHost && u->is_sip()) {
    if (!is_host(text)) return no_part("host", text);
    return checked_uri(sip_uri(*u, u->user, text, u->params));
  }
  return no_part("URI with that part", uri);
}

Result<std::string> with_part(std::string_view value, Part part, std::string_view text) {
  if (part == Part::kWhole) return std::string(text);
  const auto a = sip::parse_name_addr(value);
  if (!a) return tl::unexpected(a.error());
  if (part == Part::kDisplay) return address(display_text(text), a->uri, a->params);
  auto uri = with_part_of_uri(a->uri, part, text);
  if (!uri) return uri;
  return address(a->display, *uri, a->params);
}

std::string with_param(std::string_view params, std::string_view name,
                       std::optional<std::string_view> value) {
  std::string out;
  bool done = false;
  const auto add = [&](std::string_view text) {
    if (!out.empty()) out += ';';
    out += text;
  };
  const auto mine = [&] {
    if (done || !value) return;
    done = true;
    add(name);
    if (!value->empty()) out.append("=").append(*value);
  };
  for (auto p = sip::next_param(params); !p.empty(); p = sip::next_param(params)) {
    std::string_view key = p.substr(0, p.find('='));
    while (!key.empty() && sip::is_lws(key.back())) key.remove_suffix(1);
    if (sip::iequals(key, name))
      mine();
    else
      add(p);
  }
  mine();
  return out;
}

Result<std::string> with_uri_param(std::string_view uri, std::string_view name,
                                   std::optional<std::string_view> value) {
  if (value && !is_param_value(*value)) return no_part("value of a parameter", *value);
  const auto u = sip::parse_uri(uri);
  if (!u) return tl::unexpected(u.error());
  const std::string params = with_param(u->params, name, value);
  if (u->is_sip()) return checked_uri(sip_uri(*u, u->user, u->host, params));
  if (u->is_tel())
    return checked_uri(std::string(u->scheme) + ":" + std::string(u->user) +
                       (params.empty() ? "" : ";" + params));
  return no_part("URI with parameters", uri);
}

Result<std::string> with_address_param(std::string_view value, bool of_header,
                                       std::string_view name,
                                       std::optional<std::string_view> param) {
  const auto a = sip::parse_name_addr(value);
  if (!a) return tl::unexpected(a.error());
  if (of_header) {
    if (param && !is_param_value(*param)) return no_part("value of a parameter", *param);
    return address(a->display, a->uri, with_param(a->params, name, param));
  }
  auto uri = with_uri_param(a->uri, name, param);
  if (!uri) return uri;
  return address(a->display, *uri, a->params);
}

}  // namespace causeway::rules
