#include "fuzz.hpp"
#include "perdita/data/idx.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdita;
  return try_to_parse(data, size, [](std::string_view bytes) { touch(data::parse_idx(bytes, "fuzz")); });
}
