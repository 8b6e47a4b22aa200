#include "kernel/relay.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

#include "kernel/way.h"

// The object that clang made of relay.bpf.c.
asm(".pushsection .rodata\n"
    ".balign 16\n"
    ".global causeway_relay_object\n"
    "causeway_relay_object:\n"
    ".incbin \"" CAUSEWAY_RELAY_OBJECT
    "\"\n"
    ".global causeway_relay_object_end\n"
    "causeway_relay_object_end:\n"
    ".popsection\n");
extern "C" const char causeway_relay_object[], causeway_relay_object_end[];

namespace causeway::kernel {
namespace {

static_assert(sizeof(Flow) % 8 == 0, "flows stand side by side in the kernel's array");
// A processor may still be at work on a flow that was removed: slots rest while others are free.
constexpr std::size_t kResting = 1'024;
constexpr std::uint32_t kPriority = 0xca00;  // of the filter; and the number of the node

std::optional<FlowKey> key_of(const Endpoint& here, const Endpoint& peer) {
  if (here.address.is_v6() || peer.address.is_v6()) return std::nullopt;
  FlowKey k{};
  std::memcpy(&k.peer_address, peer.address.bytes().data(), 4);
  std::memcpy(&k.here_address, here.address.bytes().data(), 4);
  k.peer_port = __builtin_bswap16(peer.port);
  k.here_port = __builtin_bswap16(here.port);
  return k;
}

tl::unexpected<Error> refused(int error, const std::string& what) {
  const int e = error < 0 ? -error : error;
  std::string why = what + ": " + std::strerror(e);
  if (e == EPERM || e == EACCES)
    why += "; it needs CAP_BPF, CAP_NET_ADMIN and, on some kernels, CAP_PERFMON";
  return fail(ErrorCode::kUnavailable, why);
}

// Pages of an array of the kernel.
template <class T>
class Mapped {
 public:
  Mapped() = default;
  ~Mapped() {
    if (at_) munmap(at_, size_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  [[nodiscard]] bool map(int fd, std::size_t count) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    size_ = (count * sizeof(T) + page - 1) / page * page;
    void* p = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) return false;
    at_ = static_cast<T*>(p);
    return true;
  }
  [[nodiscard]] T* data() const { return at_; }

 private:
  T* at_ = nullptr;
  std::size_t size_ = 0;
};

class BpfRelay final : public Relay {
 public:
  ~BpfRelay() override {
    for (const int index : attached_) detach(index);
    bpf_object__close(object_);
  }

  [[nodiscard]] Status open(std::span<const std::string> interfaces, std::uint8_t node) {
    priority_ = kPriority + node;
    libbpf_set_print(nullptr);
    object_ = bpf_object__open_mem(
        causeway_relay_object,
        static_cast<std::size_t>(causeway_relay_object_end - causeway_relay_object), nullptr);
    if (!object_) return refused(errno, "the program for the kernel cannot be read");
    bpf_map* keys = bpf_object__find_map_by_name(object_, "keys");
    bpf_map* flows = bpf_object__find_map_by_name(object_, "flows");
    bpf_map* watch = bpf_object__find_map_by_name(object_, "watch");
    bpf_program* program = bpf_object__find_program_by_name(object_, "relay");
    if (!keys || !flows || !watch || !program)
      return refused(EINVAL, "the program for the kernel is incomplete");
    if (int e = bpf_map__set_max_entries(keys, kMostFlows); e != 0) return refused(e, "its table");
    if (int e = bpf_map__set_max_entries(flows, kMostFlows); e != 0) return refused(e, "its table");
    if (int e = bpf_object__load(object_); e != 0)
      return refused(e, "the kernel does not take the program");
    keys_fd_ = bpf_map__fd(keys);
    if (!flows_.map(bpf_map__fd(flows), kMostFlows) || !watch_.map(bpf_map__fd(watch), 1))
      return refused(errno, "its tables cannot be shared with the kernel");
    keys_of_.resize(kMostFlows);
    program_fd_ = bpf_program__fd(program);
    for (const std::string& name : interfaces) {
      const unsigned index = if_nametoindex(name.c_str());
      if (index == 0) return refused(errno, "interface " + name);
      if (auto ok = attach(static_cast<int>(index), name); !ok) return ok;
    }
    return {};
  }

  Flow* add(const Endpoint& here, const Endpoint& peer) override {
    const auto key = key_of(here, peer);
    if (!key) return nullptr;
    const std::lock_guard lock(mutex_);
    std::uint32_t slot = 0;
    const bool again = free_.size() > kResting || (used_ == kMostFlows && !free_.empty());
    if (!again && used_ == kMostFlows) return nullptr;
    slot = again ? free_.front() : used_;
    flows_.data()[slot] = {};
    if (bpf_map_update_elem(keys_fd_, &*key, &slot, BPF_NOEXIST) != 0) return nullptr;
    if (again)
      free_.pop_front();
    else
      ++used_;
    keys_of_[slot] = *key;
    return &flows_.data()[slot];
  }

  void remove(Flow& flow) override {
    const std::lock_guard lock(mutex_);
    const auto slot = static_cast<std::uint32_t>(&flow - flows_.data());
    std::atomic_ref(flow.armed).store(0);
    (void)bpf_map_delete_elem(keys_fd_, &keys_of_[slot]);
    free_.push_back(slot);
  }

  std::optional<std::uint32_t> way(const Endpoint& from, const Endpoint& to,
                                   const std::string& interface) const override {
    return way_of(from.address, to.address, interface);
  }

  std::optional<std::uint32_t> interface(const std::string& name) const override {
    const unsigned index = if_nametoindex(name.c_str());
    return index == 0 ? std::nullopt : std::optional<std::uint32_t>(index);
  }

  void alive(Instant now) override {
    const auto until = std::chrono::nanoseconds((now + kTrusted).time_since_epoch());
    std::atomic_ref(watch_.data()->alive_until_ns).store(static_cast<std::uint64_t>(until.count()));
  }

 private:
  [[nodiscard]] bpf_tc_hook hook(int index) const {
    bpf_tc_hook h{};
    h.sz = sizeof h;
    h.ifindex = index;
    h.attach_point = BPF_TC_INGRESS;
    return h;
  }
  [[nodiscard]] bpf_tc_opts options() const {
    bpf_tc_opts o{};
    o.sz = sizeof o;
    o.handle = 1;
    o.priority = priority_;
    return o;
  }

  [[nodiscard]] Status attach(int index, const std::string& name) {
    auto h = hook(index);
    if (const int e = bpf_tc_hook_create(&h); e != 0 && e != -EEXIST)
      return refused(e, "no filter can be set on interface " + name);
    auto o = options();
    o.prog_fd = program_fd_;
    o.flags = BPF_TC_F_REPLACE;
    if (const int e = bpf_tc_attach(&h, &o); e != 0)
      return refused(e, "no filter can be set on interface " + name);
    attached_.push_back(index);
    return {};
  }
  void detach(int index) const {
    auto h = hook(index);
    const auto o = options();
    (void)bpf_tc_detach(&h, &o);  // the queueing discipline stays: others may use it
  }

  bpf_object* object_ = nullptr;
  std::uint32_t priority_ = 0;
  int keys_fd_ = -1, program_fd_ = -1;
  std::vector<int> attached_;
  Mapped<Flow> flows_;
  Mapped<Watch> watch_;
  std::mutex mutex_;
  std::vector<FlowKey> keys_of_;    // by slot
  std::deque<std::uint32_t> free_;  // slots below used_, the one that rested longest first
  std::uint32_t used_ = 0;
};

}  // namespace

Result<std::unique_ptr<Relay>> open_relay(std::span<const std::string> interfaces,
                                          std::uint8_t node) {
  auto relay = std::make_unique<BpfRelay>();
  if (auto ok = relay->open(interfaces, node); !ok) return tl::unexpected(ok.error());
  return relay;
}

}  // namespace causeway::kernel
