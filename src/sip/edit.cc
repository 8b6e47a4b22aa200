#include "sip/edit.h"

#include <algorithm>

namespace causeway::sip {

std::size_t Edit::behind_start_line() const { return message_.bytes().find('\n') + 1; }

// Past the line end of a header, folded lines included.
std::size_t Edit::behind(const HeaderField& field) const {
  const std::string_view all = message_.bytes();
  std::size_t at = offset(field.value) + field.value.size();
  do {
    at = all.find('\n', at) + 1;
  } while (at < all.size() && (all[at] == ' ' || all[at] == '\t'));
  return at;
}

void Edit::insert(std::size_t at, HeaderId id, std::string_view value) {
  std::string line(header_name(id));
  line.append(": ").append(value).append("\r\n");
  // What was pushed earlier at the same place comes behind.
  const auto same =
      std::find_if(changes_.begin(), changes_.end(), [&](const Change& c) { return c.at == at; });
  changes_.insert(same, {at, 0, std::move(line)});
}

Edit& Edit::request_uri(std::string_view uri) {
  if (message_.is_request())
    changes_.push_back(
        {offset(message_.request_uri()), message_.request_uri().size(), std::string(uri)});
  return *this;
}

Edit& Edit::push(HeaderId id, std::string_view value) {
  const HeaderField* first = message_.find(id);
  insert(first ? offset(first->name) : behind_start_line(), id, value);
  return *this;
}

Edit& Edit::pop(HeaderId id) {
  const HeaderField* first = message_.find(id);
  if (!first) return *this;
  std::string_view rest = first->value;
  (void)next_value(rest);
  while (!rest.empty() && is_lws(rest.front())) rest.remove_prefix(1);
  const std::size_t line = offset(first->name);
  if (rest.empty())
    changes_.push_back({line, behind(*first) - line, {}});
  else
    changes_.push_back({offset(first->value), offset(rest) - offset(first->value), {}});
  return *this;
}

Edit& Edit::set(HeaderId id, std::string_view value) {
  if (const HeaderField* first = message_.find(id))
    changes_.push_back({offset(first->value), first->value.size(), std::string(value)});
  else
    insert(behind_start_line(), id, value);
  return *this;
}

std::string Edit::finish() const {
  std::vector<const Change*> order;
  order.reserve(changes_.size());
  for (const Change& c : changes_) order.push_back(&c);
  // What is inserted at a place stands before what is replaced there.
  std::stable_sort(order.begin(), order.end(), [](const Change* a, const Change* b) {
    return a->at != b->at ? a->at < b->at : a->length == 0 && b->length != 0;
  });
  const std::string_view all = message_.bytes();
  std::string out;
  out.reserve(all.size() + 256);
  std::size_t at = 0;
  for (const Change* c : order) {
    out.append(all.substr(at, c->at - at)).append(c->text);
    at = c->at + c->length;
  }
  return out.append(all.substr(at));
}

}  // namespace causeway::sip
