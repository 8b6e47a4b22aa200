// The WAV files that profiles name: read and brought to every rate while the configuration is
// loaded, so that a wrong file is a mistake in it and no call waits for a disk. One file is read
// once, whoever names it, and again only when it has changed since the load before.
#include <sys/stat.h>

#include <map>
#include <mutex>
#include <tuple>

#include "deployment/drafts.h"
#include "tone/wav.h"

namespace causeway::deployment {
namespace {

using SoundPtr = std::shared_ptr<const tone::Sound>;

// Of all loads of this process. What no configuration in use names is forgotten.
class Known {
 public:
  Result<SoundPtr> load(const std::string& path) {
    const std::lock_guard lock(mutex_);
    std::erase_if(sounds_, [](const auto& s) { return s.second.sound.expired(); });
    struct stat now{};
    const bool there = ::stat(path.c_str(), &now) == 0;
    const State state{now.st_dev, now.st_ino, now.st_size, now.st_mtim.tv_sec, now.st_mtim.tv_nsec};
    if (const auto it = sounds_.find(path); there && it != sounds_.end())
      if (auto sound = it->second.sound.lock(); sound && it->second.state == state) return sound;
    auto sound = tone::load_sound(path);
    if (sound && there) sounds_[path] = {state, *sound};
    return sound;
  }

 private:
  using State = std::tuple<dev_t, ino_t, off_t, time_t, long>;
  struct Entry {
    State state;
    std::weak_ptr<const tone::Sound> sound;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> sounds_;  // at most those of the configurations in use
};

Known& known() {
  static Known k;
  return k;
}

class Sounds {
 public:
  Sounds(Reader& reader, const LoadOptions& options) : reader_(reader), options_(options) {}

  void load(const ProfileDraft& p, std::string_view key, const std::string& file, SoundPtr& out) {
    out = nullptr;
    if (file.empty()) return;
    const std::string path = file.front() == '/' || options_.base_directory.empty()
                                 ? file
                                 : options_.base_directory + "/" + file;
    auto [it, fresh] = loaded_.try_emplace(path);
    if (fresh) {
      if (auto sound = known().load(path))
        it->second.sound = std::move(*sound);
      else
        it->second.why = sound.error().what;
    }
    out = it->second.sound;
    // One that extends another has the mistake of that one.
    if (out || !options_.check_files || p.place.node == nullptr || !p.place.has(key)) return;
    reader_.mistake(p.place.line_of(key), p.place.field_of(key), "\"" + file + "\"",
                    it->second.why +
                        "; it must be a WAV file of PCM or G.711, 8 to 48 kHz, that this process "
                        "can read");
  }

 private:
  struct Loaded {
    SoundPtr sound;
    std::string why;
  };
  Reader& reader_;
  const LoadOptions& options_;
  std::map<std::string, Loaded> loaded_;
};

}  // namespace

void load_sounds(Reader& reader, Draft& draft, const LoadOptions& options) {
  Sounds sounds(reader, options);
  for (ProfileDraft& p : draft.profiles) {
    sounds.load(p, "ringback", p.ringback_file, p.ringback_sound);
    sounds.load(p, "hold_music", p.hold_music_file, p.hold_music);
  }
}

}  // namespace causeway::deployment
