#include "perdita/train/model.hpp"

namespace perdita::train {

std::int64_t Model::parameter_count() const {
  std::int64_t count = 0;
  for (const Tensor& parameter : parameters()) count += parameter.numel();
  return count;
}

}  // namespace perdita::train
