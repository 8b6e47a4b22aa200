// One fax machine: the modems and the T.30 of libspandsp over RTP, or its T.38 over UDPTL. SIP is
// that of the test (fax.py), which knows both addresses before it starts this. Says what became of
// it in one line of JSON; its exit status is 0 when T.30 ended well.
//
//   causeway-fax-end --local A:P --remote A:P (--send F.tif | --receive F.tif)
//                    [--codec PCMU|PCMA|G722] [--t38] [--no-ecm] [--calls | --answers] [--seconds
//                    N]
//
// A line "PCMU", "PCMA" or "G722" on its input has it send with that from there on, as after a
// re-INVITE; what it receives it takes as each packet says.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#define SPANDSP_EXPOSE_INTERNAL_STRUCTURES
#include <spandsp.h>
#include <tiffio.h>

#include "udptl.h"

namespace causeway::fax_end {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kSamples = 160;  // 20 ms
constexpr auto kTick = std::chrono::milliseconds(20);
constexpr std::size_t kHeader = 12;  // of RTP

struct Options {
  sockaddr_in local{}, remote{};
  std::string send, receive;
  std::uint8_t payload_type = 0;
  bool t38 = false, ecm = true, calls = false;
  int seconds = 60;
};

std::optional<std::uint8_t> payload_type(std::string_view codec) {
  if (codec == "PCMU") return 0;
  if (codec == "PCMA") return 8;
  if (codec == "G722") return 9;
  return std::nullopt;
}

bool read_address(std::string_view text, sockaddr_in& out) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  out.sin_family = AF_INET;
  const std::string host(text.substr(0, colon)), port(text.substr(colon + 1));
  out.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(port.c_str(), nullptr, 10)));
  return inet_pton(AF_INET, host.c_str(), &out.sin_addr) == 1;
}

std::optional<Options> read_options(int argc, char** argv) {
  Options o;
  bool local = false, remote = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    if (a == "--t38") {
      o.t38 = true;
    } else if (a == "--no-ecm") {
      o.ecm = false;
    } else if (a == "--calls") {
      o.calls = true;
    } else if (a == "--answers") {
      o.calls = false;
    } else if (++i == argc) {
      return std::nullopt;
    } else if (a == "--local") {
      local = read_address(argv[i], o.local);
    } else if (a == "--remote") {
      remote = read_address(argv[i], o.remote);
    } else if (a == "--send") {
      o.send = argv[i];
      o.calls = true;
    } else if (a == "--receive") {
      o.receive = argv[i];
    } else if (a == "--seconds") {
      o.seconds = std::atoi(argv[i]);
    } else if (const auto pt = payload_type(argv[i]); a == "--codec" && pt) {
      o.payload_type = *pt;
    } else {
      return std::nullopt;
    }
  }
  if (!local || !remote || o.send.empty() == o.receive.empty()) return std::nullopt;
  return o;
}

// What is on a page of one bit per pixel: its size, and FNV-1a over its rows.
std::string pixels_of(const std::string& file) {
  TIFFSetWarningHandler(nullptr);
  const std::unique_ptr<TIFF, decltype(&TIFFClose)> t(TIFFOpen(file.c_str(), "r"), &TIFFClose);
  if (!t) return "none";
  std::uint32_t width = 0, length = 0;
  std::uint16_t photometric = PHOTOMETRIC_MINISWHITE;
  TIFFGetField(t.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(t.get(), TIFFTAG_IMAGELENGTH, &length);
  TIFFGetField(t.get(), TIFFTAG_PHOTOMETRIC, &photometric);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(TIFFScanlineSize(t.get())));
  std::uint64_t hash = 0xcbf29ce484222325U, black = 0;
  for (std::uint32_t y = 0; y < length; ++y) {
    if (TIFFReadScanline(t.get(), row.data(), y, 0) < 0) return "torn";
    for (std::uint8_t b : row) {
      if (photometric == PHOTOMETRIC_MINISBLACK) b = static_cast<std::uint8_t>(~b);
      black += static_cast<unsigned>(__builtin_popcount(b));
      hash = (hash ^ b) * 0x100000001b3U;
    }
  }
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%ux%u %llu black %016llx", width, length,
                static_cast<unsigned long long>(black), static_cast<unsigned long long>(hash));
  return text.data();
}

class Machine {
 public:
  explicit Machine(const Options& o) : options_(o) {}
  bool start();
  // Until T.30 is done and a little longer, or time is up.
  void run();
  [[nodiscard]] bool report() const;

 private:
  void configure(t30_state_t* t30);
  void receive_all();
  void on_rtp(std::span<const std::uint8_t> packet);
  void on_udptl(std::span<const std::uint8_t> packet);
  void obey();
  void tick();
  void send(std::span<const std::uint8_t> packet);
  void send_audio();

  static int on_ifp(t38_core_state_t*, void* self, const std::uint8_t* data, int n, int count);
  static void on_phase_e(t30_state_t*, void* self, int code);

  Options options_;
  int socket_ = -1;
  fax_state_t* fax_ = nullptr;
  t38_terminal_state_t* terminal_ = nullptr;
  t30_state_t* t30_ = nullptr;
  g722_encode_state_t* g722_out_ = nullptr;
  g722_decode_state_t* g722_in_ = nullptr;
  UdptlSender out_;
  UdptlReceiver in_;
  std::optional<int> code_;  // phase E
  std::optional<Clock::time_point> done_;
  Clock::time_point last_heard_ = Clock::now();
  std::optional<std::uint16_t> sequence_in_;
  std::uint16_t sequence_ = 1;
  std::uint32_t timestamp_ = 0;
  std::map<int, int> types_in_;  // packets by payload type
  int received_ = 0, sent_ = 0, lost_ = 0, foreign_ = 0;
};

bool Machine::start() {
  socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const int room = 1 << 20;
  (void)setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(socket_, reinterpret_cast<const sockaddr*>(&options_.local), sizeof options_.local) != 0)
    return false;
  if (options_.t38) {
    terminal_ = t38_terminal_init(nullptr, options_.calls ? 1 : 0, &Machine::on_ifp, this);
    if (!terminal_) return false;
    t30_ = t38_terminal_get_t30_state(terminal_);
  } else {
    fax_ = fax_init(nullptr, options_.calls ? 1 : 0);
    if (!fax_) return false;
    fax_set_transmit_on_idle(fax_, 1);  // silence too, as audio of a call goes on
    t30_ = fax_get_t30_state(fax_);
    g722_out_ = g722_encode_init(nullptr, 64'000, G722_SAMPLE_RATE_8000);
    g722_in_ = g722_decode_init(nullptr, 64'000, G722_SAMPLE_RATE_8000);
  }
  configure(t30_);
  return true;
}

void Machine::configure(t30_state_t* t30) {
  t30_set_tx_ident(t30, options_.calls ? "+4930100100" : "+4930200100");
  t30_set_supported_modems(t30, T30_SUPPORT_V27TER | T30_SUPPORT_V29 | T30_SUPPORT_V17);
  t30_set_supported_compressions(t30, T30_SUPPORT_T4_1D_COMPRESSION |
                                          T30_SUPPORT_T4_2D_COMPRESSION |
                                          T30_SUPPORT_T6_COMPRESSION);
  t30_set_ecm_capability(t30, options_.ecm ? 1 : 0);
  if (options_.send.empty())
    t30_set_rx_file(t30, options_.receive.c_str(), -1);
  else
    t30_set_tx_file(t30, options_.send.c_str(), -1, -1);
  t30_set_phase_e_handler(t30, &Machine::on_phase_e, this);
}

void Machine::on_phase_e(t30_state_t*, void* self, int code) {
  auto& me = *static_cast<Machine*>(self);
  me.code_ = code;
  me.done_ = Clock::now();
}

int Machine::on_ifp(t38_core_state_t*, void* self, const std::uint8_t* data, int n, int count) {
  auto& me = *static_cast<Machine*>(self);
  const auto packet = me.out_.next({data, static_cast<std::size_t>(n)});
  for (int i = 0; i < count; ++i) me.send(packet);
  return 0;
}

void Machine::send(std::span<const std::uint8_t> packet) {
  ++sent_;
  (void)sendto(socket_, packet.data(), packet.size(), 0,
               reinterpret_cast<const sockaddr*>(&options_.remote), sizeof options_.remote);
}

void Machine::receive_all() {
  std::array<std::uint8_t, 2'048> buffer{};
  while (true) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t n = recvfrom(socket_, buffer.data(), buffer.size(), 0,
                               reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0) return;
    if (from.sin_addr.s_addr != options_.remote.sin_addr.s_addr ||
        from.sin_port != options_.remote.sin_port) {
      ++foreign_;
      continue;
    }
    const std::span<const std::uint8_t> packet(buffer.data(), static_cast<std::size_t>(n));
    options_.t38 ? on_udptl(packet) : on_rtp(packet);
  }
}

// Audio is heard as it comes, not by the clock: a modem does not mind waiting, only gaps.
void Machine::on_rtp(std::span<const std::uint8_t> packet) {
  if (packet.size() <= kHeader || packet[0] != 0x80) return;
  const int type = packet[1] & 127;
  const auto sequence = static_cast<std::uint16_t>(packet[2] << 8 | packet[3]);
  ++types_in_[type];
  ++received_;
  last_heard_ = Clock::now();
  const auto payload = packet.subspan(kHeader);
  std::vector<std::int16_t> pcm(payload.size());
  if (type == 0)
    for (std::size_t i = 0; i < pcm.size(); ++i) pcm[i] = ulaw_to_linear(payload[i]);
  else if (type == 8)
    for (std::size_t i = 0; i < pcm.size(); ++i) pcm[i] = alaw_to_linear(payload[i]);
  else if (type == 9)
    pcm.resize(static_cast<std::size_t>(
        g722_decode(g722_in_, pcm.data(), payload.data(), static_cast<int>(payload.size()))));
  else
    return;
  if (sequence_in_) {
    const auto gap = static_cast<std::uint16_t>(sequence - *sequence_in_ - 1);
    if (gap >= 0x8000) return;
    lost_ += gap;
    if (gap != 0 && gap < 100) fax_rx_fillin(fax_, static_cast<int>(pcm.size()) * gap);
  }
  sequence_in_ = sequence;
  fax_rx(fax_, pcm.data(), static_cast<int>(pcm.size()));
}

void Machine::on_udptl(std::span<const std::uint8_t> packet) {
  ++received_;
  t38_core_state_t* core = t38_terminal_get_t38_core_state(terminal_);
  const bool good = in_.receive(packet, [&](std::span<const std::uint8_t> ifp, std::uint16_t n) {
    t38_core_rx_ifp_packet(core, ifp.data(), static_cast<int>(ifp.size()), n);
  });
  if (!good) ++foreign_;
}

void Machine::obey() {
  std::array<char, 64> line{};
  pollfd in{STDIN_FILENO, POLLIN, 0};
  if (poll(&in, 1, 0) != 1 || (in.revents & POLLIN) == 0) return;
  const ssize_t n = read(STDIN_FILENO, line.data(), line.size());
  if (n <= 0) return;
  std::string_view word(line.data(), static_cast<std::size_t>(n));
  if (const auto end = word.find('\n'); end != std::string_view::npos) word = word.substr(0, end);
  if (const auto pt = payload_type(word)) options_.payload_type = *pt;
}

void Machine::send_audio() {
  std::array<std::int16_t, kSamples> pcm{};
  (void)fax_tx(fax_, pcm.data(), kSamples);
  std::array<std::uint8_t, kHeader + kSamples> p{0x80, options_.payload_type};
  p[2] = static_cast<std::uint8_t>(sequence_ >> 8);
  p[3] = static_cast<std::uint8_t>(sequence_++);
  for (unsigned i = 0; i < 4; ++i) p[4 + i] = static_cast<std::uint8_t>(timestamp_ >> (24 - 8 * i));
  p[8] = static_cast<std::uint8_t>(options_.calls ? 0xca : 0xfa);  // the SSRC
  timestamp_ += kSamples;
  if (options_.payload_type == 9)
    g722_encode(g722_out_, p.data() + kHeader, pcm.data(), kSamples);
  else
    for (std::size_t i = 0; i < pcm.size(); ++i)
      p[kHeader + i] = options_.payload_type == 0 ? linear_to_ulaw(pcm[i]) : linear_to_alaw(pcm[i]);
  send(p);
}

void Machine::tick() {
  if (options_.t38) {
    if (!done_) (void)t38_terminal_send_timeout(terminal_, kSamples);
    return;
  }
  send_audio();
  // T.30 counts its time by what it hears.
  if (Clock::now() - last_heard_ > std::chrono::seconds(1)) fax_rx_fillin(fax_, kSamples);
}

void Machine::run() {
  const auto begin = Clock::now(), end = begin + std::chrono::seconds(options_.seconds);
  auto next = begin;
  while (Clock::now() < end && !(done_ && Clock::now() - *done_ > std::chrono::milliseconds(500))) {
    obey();
    receive_all();
    for (; next <= Clock::now(); next += kTick) tick();
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now()).count();
    pollfd in{socket_, POLLIN, 0};
    (void)poll(&in, 1, left < 0 ? 0 : static_cast<int>(left) + 1);
  }
}

bool Machine::report() const {
  t30_stats_t s{};
  t30_get_transfer_statistics(t30_, &s);
  const bool good = code_ == T30_ERR_OK;
  std::string types;
  for (const auto& [type, n] : types_in_)
    types += (types.empty() ? "\"" : ", \"") + std::to_string(type) + "\": " + std::to_string(n);
  std::printf(
      "{\"result\": \"%s\", \"pages\": %d, \"bit_rate\": %d, \"ecm\": %s, \"retries\": %d, "
      "\"bad_rows\": %d, \"pixels\": \"%s\", \"received\": %d, \"sent\": %d, \"lost\": %d, "
      "\"repaired\": %d, \"foreign\": %d, \"types\": {%s}}\n",
      code_ ? t30_completion_code_to_str(*code_) : "time is up",
      options_.send.empty() ? s.pages_rx : s.pages_tx, s.bit_rate,
      s.error_correcting_mode != 0 ? "true" : "false", s.error_correcting_mode_retries, s.bad_rows,
      pixels_of(options_.send.empty() ? options_.receive : options_.send).c_str(), received_, sent_,
      lost_, in_.repaired(), foreign_, types.c_str());
  return good;
}

}  // namespace
}  // namespace causeway::fax_end

int main(int argc, char** argv) {
  using namespace causeway::fax_end;
  const auto options = read_options(argc, argv);
  if (!options) {
    std::fputs(
        "causeway-fax-end --local A:P --remote A:P (--send F.tif | --receive F.tif)\n"
        "  [--codec PCMU|PCMA|G722] [--t38] [--no-ecm] [--calls | --answers] [--seconds N]\n",
        stderr);
    return 2;
  }
  Machine machine(*options);
  if (!machine.start()) {
    std::perror("causeway-fax-end");
    return 2;
  }
  machine.run();
  return machine.report() ? 0 : 1;
}
