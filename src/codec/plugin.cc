#include "codec/plugin.h"

#include <dlfcn.h>

#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/log.h"

namespace causeway::codec {

namespace {

namespace fs = std::filesystem;

std::string& configured_folder() {
  static std::string folder;
  return folder;
}

std::vector<fs::path> folders() {
  if (!configured_folder().empty()) return {configured_folder()};
  std::vector<fs::path> all;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    all.push_back(program.parent_path() / "plugins");
    all.push_back(program.parent_path().parent_path() / "lib" / "causeway");
  }
  return all;
}

const causeway_codec_plugin* open(const fs::path& file, std::string& why) {
  // Never closed: states of it may live as long as the process.
  void* object = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) {
    why = dlerror();
    return nullptr;
  }
  const auto function =
      reinterpret_cast<causeway_codec_plugin_function>(dlsym(object, CAUSEWAY_CODEC_PLUGIN_SYMBOL));
  const causeway_codec_plugin* plugin = function == nullptr ? nullptr : function();
  if (plugin == nullptr) {
    why = file.string() + " is no plug-in of a codec";
    return nullptr;
  }
  if (plugin->abi != CAUSEWAY_CODEC_ABI) {
    why = fmt::format("{} speaks version {} of the plug-in interface, this program {}",
                      file.string(), plugin->abi, CAUSEWAY_CODEC_ABI);
    return nullptr;
  }
  return plugin;
}

const causeway_codec_plugin* load(std::string_view name) {
  const std::string file = fmt::format("causeway-{}.so", name);
  std::string looked;
  for (const fs::path& folder : folders()) {
    std::error_code error;
    looked += (looked.empty() ? "" : ", ") + folder.string();
    if (!fs::exists(folder / file, error)) continue;
    std::string why;
    const causeway_codec_plugin* plugin = open(folder / file, why);
    if (plugin == nullptr) {
      log::warning("codec plug-in {}: {}", name, why);
      return nullptr;
    }
    log::info("codec plug-in {}: {} ({})", name, plugin->version, plugin->licence);
    return plugin;
  }
  log::info("codec plug-in {}: no {} in {}; its codecs are relayed but not transcoded", name, file,
            looked);
  return nullptr;
}

// Each once, by whichever thread comes first.
const causeway_codec_plugin* loaded(std::string_view name) {
  if (name == "amr") {
    static const causeway_codec_plugin* const amr = load("amr");
    return amr;
  }
  if (name == "g729") {
    static const causeway_codec_plugin* const g729 = load("g729");
    return g729;
  }
  return nullptr;
}

}  // namespace

void set_plugin_folder(std::string folder) { configured_folder() = std::move(folder); }

const causeway_codec* plugin_codec(const char* plugin, const char* name) {
  const causeway_codec_plugin* found = loaded(plugin);
  if (found == nullptr) return nullptr;
  for (std::size_t i = 0; i < found->count; ++i) {
    if (std::string_view(found->codecs[i].name) == name) return &found->codecs[i];
  }
  return nullptr;
}

}  // namespace causeway::codec
