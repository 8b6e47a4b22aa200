#include "deployment/load.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "deployment/drafts.h"
#include "deployment/recognise.h"

namespace causeway::deployment {
namespace {

std::string absolute(const std::string& path, const std::string& base) {
  if (path.empty() || base.empty() || path.front() == '/') return path;
  return base + "/" + path;
}

void make_absolute(Draft& d, const std::string& base) {
  for (auto& id : d.identities) {
    id.certificate = absolute(id.certificate, base);
    id.key = absolute(id.key, base);
    id.chain = absolute(id.chain, base);
    for (auto& root : id.trusted_roots) root = absolute(root, base);
  }
  auto& plugins = d.operation.codec_plugins;
  plugins = absolute(plugins, base);
  auto& p = d.provisioning;
  p.certificate = absolute(p.certificate, base);
  p.key = absolute(p.key, base);
  if (p.store.find('=') == std::string::npos && p.store.find("://") == std::string::npos)
    p.store = absolute(p.store, base);
}

Draft with_builtin_profiles() {
  Draft d;
  std::vector<Mistake> mistakes;
  Reader reader("built-in profiles", mistakes);
  const auto tree = parse_toml(builtin_profiles_text());
  if (tree) read_profiles(reader, {&*tree, 1, ""}, d);
  // Their places point into a tree that ends here.
  for (auto& p : d.profiles) p.place = {};
  return d;
}

DeploymentPtr build(Draft& d, std::string_view text) {
  static std::atomic<std::uint64_t> version{0};
  auto out = std::make_shared<Deployment>();
  out->operation = std::move(d.operation);
  if (out->operation.record_directory.empty())
    out->operation.record_directory = out->operation.state_directory + "/records";
  out->resolvers = std::move(d.resolvers);
  out->regions.assign(d.regions.begin(), d.regions.end());
  out->realms.assign(d.realms.begin(), d.realms.end());
  out->identities.assign(d.identities.begin(), d.identities.end());
  out->listeners.assign(d.listeners.begin(), d.listeners.end());
  out->profiles.assign(d.profiles.begin(), d.profiles.end());
  for (auto& g : d.groups) {
    out->peers.insert(out->peers.end(), g.peer_drafts.begin(), g.peer_drafts.end());
    g.recognition = std::move(g.recognise);
    out->groups.push_back(g);
  }
  out->emergency = std::move(d.emergency);
  out->limits = d.limits;
  out->metrics = d.metrics;
  out->provisioning = std::move(d.provisioning);
  d.routing.verification.assign(d.routing.verification_drafts.begin(),
                                d.routing.verification_drafts.end());
  out->routing = std::move(d.routing);
  if (d.nameserver) out->nameserver = std::make_shared<const Nameserver>(std::move(*d.nameserver));
  out->recognition = make_recognition_tables(*out);
  out->version = ++version;
  out->source = std::string(text);
  return out;
}

}  // namespace

std::string Mistake::to_string() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line);
  out += ": ";
  if (!field.empty()) out += field + ": ";
  if (!found.empty()) out += "found " + found + "; ";
  return out + remedy;
}

std::string LoadResult::to_string() const {
  std::string out;
  for (const auto& m : mistakes) out += m.to_string() + "\n";
  return out;
}

std::string_view software_version() { return CAUSEWAY_VERSION; }

LoadResult load_text(std::string_view text, const std::string& file_name,
                     const LoadOptions& options) {
  LoadResult result;
  const auto tree = parse_toml(text);
  if (!tree) {
    result.mistakes.push_back(
        {file_name, tree.error().line, "", "", "not TOML: " + tree.error().what});
    return result;
  }
  Reader reader(file_name, result.mistakes);
  Draft draft = with_builtin_profiles();
  const At root{&*tree, 1, ""};
  read_profiles(reader, root, draft);
  read_sections(reader, root, draft);
  read_rule_sets(reader, root, draft);
  read_cadences(reader, root, draft);
  resolve_cadences(reader, draft);
  make_absolute(draft, options.base_directory);
  resolve(reader, draft);
  resolve_rules(reader, draft);
  check(reader, draft);
  check_nameserver(reader, draft);
  load_sounds(reader, draft, options);
  if (options.check_files) check_certificates(reader, draft, options);
  if (result.mistakes.empty()) result.deployment = build(draft, text);
  std::stable_sort(result.mistakes.begin(), result.mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.line < b.line; });
  return result;
}

LoadResult load_file(const std::string& path, LoadOptions options) {
  LoadResult result;
  const auto unreadable = [&](const std::string& why) {
    result.mistakes.push_back({path, 0, "", "", "the file cannot be read: " + why});
    return result;
  };
  std::error_code ec;
  const auto size = std::filesystem::file_size(path, ec);
  if (ec) return unreadable(ec.message());
  if (size > kMaxTomlBytes) return unreadable("it is larger than 4 MiB");
  std::ifstream in(path, std::ios::binary);
  if (!in) return unreadable(std::strerror(errno));
  std::string text(size, '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (options.base_directory.empty())
    options.base_directory = std::filesystem::absolute(path, ec).parent_path().string();
  return load_text(text, path, options);
}

std::vector<std::string> known_keys() {
  std::vector<std::string> out;
  list_section_keys(out);
  list_profile_keys(out);
  list_rule_keys(out);
  return out;
}

}  // namespace causeway::deployment
