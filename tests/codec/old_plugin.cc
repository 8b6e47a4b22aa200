// A plug-in of a version of the interface that nobody speaks.
#include "codec/plugin_abi.h"

extern "C" const causeway_codec_plugin* causeway_codec_plugin() {
  static const struct causeway_codec_plugin plugin{99, "old", "none", 0, nullptr};
  return &plugin;
}
