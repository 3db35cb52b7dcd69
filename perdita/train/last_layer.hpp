// The last layer of a classifier, as an option.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perdita::train {

/// The last layer of a classifier.
struct LastLayer {
  bool is_cosine = false;
  std::optional<double> scale = {};  ///< of cosines; none: as fits the loss
};
/// "linear", "cosine", "cosine:scale=16". Throws ValueError that lists what is valid.
LastLayer parse_last_layer(std::string_view text);
/// What parse_last_layer() takes.
std::string to_string(const LastLayer& layer);

}  // namespace perdita::train
