#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/log.h"
#include "telemetry/record.h"

namespace causeway::telemetry {
namespace {

std::string day_of(WallTime t) { return format_rfc3339(t).substr(0, 10); }

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

RecordWriter::RecordWriter(Options options) : options_(std::move(options)) {}

Result<std::unique_ptr<RecordWriter>> RecordWriter::open(Options options) {
  std::error_code ec;
  std::filesystem::create_directories(options.directory, ec);
  if (ec || ::access(options.directory.c_str(), W_OK) != 0)
    return fail(ErrorCode::kIo, "call records cannot be written to '" + options.directory +
                                    "': " + (ec ? ec.message() : std::strerror(errno)));
  std::unique_ptr<RecordWriter> w(new RecordWriter(std::move(options)));
  w->thread_ = std::thread([raw = w.get()] { raw->run(); });
  return w;
}

RecordWriter::~RecordWriter() {
  stop();
  for (const File* f : {&json_, &csv_})
    if (f->fd >= 0) ::close(f->fd);
}

namespace {
constexpr std::size_t kBatch = 512;
constexpr std::chrono::milliseconds kGather{50};  // a record is on its way to disk within this
}  // namespace

bool RecordWriter::post(CallRecord record) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= options_.queue) {
      ++statistics_.dropped;
      return false;
    }
    queue_.push_back(std::move(record));
    // One wake-up for a burst: the first of it, and when it fills a batch.
    wake = queue_.size() == 1 || queue_.size() == kBatch;
  }
  if (wake) wake_.notify_one();
  return true;
}

void RecordWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void RecordWriter::flush() {
  std::unique_lock lock(mutex_);
  flushing_ = true;
  wake_.notify_one();
  idle_.wait(lock, [&] { return queue_.empty() && !writing_; });
  flushing_ = false;
}

RecordWriter::Statistics RecordWriter::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

void RecordWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    wake_.wait_for(lock, kGather,
                   [&] { return stopping_ || flushing_ || queue_.size() >= kBatch; });
    if (queue_.empty()) break;
    std::vector<CallRecord> batch;
    while (!queue_.empty() && batch.size() < kBatch) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    writing_ = true;
    lock.unlock();
    write_batch(batch);
    lock.lock();
    writing_ = false;
    if (queue_.empty()) idle_.notify_all();
  }
  for (const File* f : {&json_, &csv_})
    if (f->fd >= 0) ::fsync(f->fd);
}

// Lines of one day go out in one write.
void RecordWriter::write_batch(std::span<const CallRecord> batch) {
  static const std::string kHeader = csv_header();
  for (std::size_t i = 0; i < batch.size();) {
    constexpr std::int64_t kDay = 86'400'000'000;
    const std::string day = day_of(batch[i].ended);
    const std::int64_t number = batch[i].ended.micros / kDay;
    std::string json, csv;
    std::size_t n = 0;
    for (; i < batch.size() && batch[i].ended.micros / kDay == number; ++i, ++n) {
      json += to_json_line(batch[i]);
      if (options_.csv) csv += to_csv_line(batch[i]);
    }
    const bool good = append(json_, day, ".jsonl", {}, json) &&
                      (!options_.csv || append(csv_, day, ".csv", kHeader, csv));
    const std::lock_guard lock(mutex_);
    (good ? statistics_.written : statistics_.errors) += n;
  }
}

bool RecordWriter::append(File& file, const std::string& day, std::string_view suffix,
                          std::string_view header, std::string_view lines) {
  const std::string path = options_.directory + "/calls-" + day + std::string(suffix);
  if (file.day != day || file.fd < 0) {
    if (file.fd >= 0) {
      ::fsync(file.fd);
      ::close(file.fd);
    }
    file.fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    file.day = day;
  }
  struct stat st{};
  const bool fresh = file.fd >= 0 && ::fstat(file.fd, &st) == 0 && st.st_size == 0;
  const std::string first = fresh ? std::string(header) + std::string(lines) : std::string();
  if (file.fd >= 0 && write_all(file.fd, fresh ? std::string_view(first) : lines)) return true;
  log::error("call records cannot be written to {}: {}", path, std::strerror(errno));
  return false;
}

}  // namespace causeway::telemetry
