#include "fuzz.hpp"
#include "perdita/data/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdita;
  return try_to_parse(data, size, [](std::string_view bytes) {
    const data::SafeTensors content = data::parse_safetensors(bytes, "fuzz");
    for (const auto& [name, array] : content.tensors) touch(array);
    const std::string written = data::encode_safetensors(content);
    require(data::encode_safetensors(data::parse_safetensors(written, "written")) == written);
  });
}
