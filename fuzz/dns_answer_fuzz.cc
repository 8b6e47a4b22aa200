// Hostile DNS answers. The first byte chooses the type that was asked for.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "dns/answer_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace causeway::dns;
  if (size == 0) return 0;
  constexpr RecordType kTypes[] = {RecordType::kA, RecordType::kAaaa, RecordType::kSrv,
                                   RecordType::kNaptr};
  const RecordType type = kTypes[data[0] % 4];
  const auto message = std::as_bytes(std::span(data + 1, size - 1));
  const auto answer = decode_answer(message, "a.example", type);
  if (!answer) return 0;
  if (answer->records.size() > kMaxRecords) std::abort();
  for (const Record& record : answer->records) {
    if (record.type != type || record.ttl.count() < 0) std::abort();
    if (record.srv.target.size() > 255) std::abort();
    if (type != RecordType::kSrv && type != RecordType::kNaptr &&
        record.address.to_string().empty())
      std::abort();
  }
  return 0;
}
