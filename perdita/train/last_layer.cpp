#include "perdita/train/last_layer.hpp"

#include "perdita/core/error.hpp"
#include "perdita/train/parse.hpp"

namespace perdita::train {

LastLayer parse_last_layer(std::string_view text) {
  constexpr std::string_view with_scale = "cosine:scale=";
  if (text == "linear") return {};
  if (text == "cosine") return {.is_cosine = true};
  if (text.starts_with(with_scale))
    return {.is_cosine = true, .scale = parse_number(text.substr(with_scale.size()), positive)};
  fail<ValueError>("got '{}' (valid: linear, cosine, cosine:scale=S)", text);
}

std::string to_string(const LastLayer& layer) {
  if (!layer.is_cosine) return "linear";
  return layer.scale ? fmt::format("cosine:scale={}", *layer.scale) : "cosine";
}

}  // namespace perdita::train
