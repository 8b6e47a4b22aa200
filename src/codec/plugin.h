// Codecs that live in shared objects of their own (plugin_abi.h). Any thread: what was found is
// found once in the life of the process and then only read.
#pragma once

#include <string>

#include "codec/plugin_abi.h"

namespace causeway::codec {

// The one place where plug-ins are looked for; unless set, "plugins" and "../lib/causeway" beside
// the program. To be set before the first codec is asked for, from the thread that does that.
void set_plugin_folder(std::string folder);

// The codec of that plug-in ("amr": causeway-amr.so), loaded when first asked for; nullptr when
// there is none, which is logged once.
[[nodiscard]] const causeway_codec* plugin_codec(const char* plugin, const char* name);

}  // namespace causeway::codec
