#include "perdita/data/precision.hpp"

#include <vector>

namespace perdita::data::detail {

std::optional<std::int64_t> find_lossy_column(const Array& array) {
  if (array.dtype == DType::float32 || array.dtype == DType::uint8 || array.dtype == DType::boolean)
    return std::nullopt;
  const std::int64_t columns = array.size() / std::max<std::int64_t>(array.shape[0], 1);
  std::vector<Rounding> found(static_cast<std::size_t>(columns));
  visit_dtype(array.dtype, [&]<class T>() {
    const T* value = array.data<T>();
    for (std::int64_t row = 0; row < array.shape[0]; ++row) {
      for (Rounding& column : found) column.add(static_cast<double>(*value++));
    }
  });
  const auto lossy = std::ranges::find_if(found, &Rounding::is_lossy);
  if (lossy == found.end()) return std::nullopt;
  return lossy - found.begin();
}

}  // namespace perdita::data::detail
