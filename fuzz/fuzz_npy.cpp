#include "fuzz.hpp"
#include "perdita/data/npy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdita;
  return try_to_parse(data, size, [](std::string_view bytes) {
    const Array array = data::parse_npy(bytes, "fuzz");
    touch(array);
    const std::string written = data::encode_npy(array);
    require(data::encode_npy(data::parse_npy(written, "written")) == written);
  });
}
