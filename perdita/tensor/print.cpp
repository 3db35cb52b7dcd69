// Tensors as text.
#include <ostream>

#include "perdita/tensor/impl.hpp"

namespace perdita {

namespace {

constexpr std::int64_t edge = 3;           // items shown at each end of a shortened dimension
constexpr std::int64_t most_shown = 1000;  // elements of a tensor that is shown whole

void write(const Tensor& x, bool shorten, int indent, std::string& out) {
  if (x.rank() == 0) {
    visit_dtype(x.dtype(), [&]<class T>() {
      const T value = *detail::pointer<T>(x);
      if constexpr (std::is_floating_point_v<T>)
        out += fmt::format("{:.6g}", value);
      else
        out += fmt::format("{}", value);
    });
    return;
  }
  const std::int64_t n = x.shape()[0];
  const std::string separator = x.rank() == 1 ? ", " : ",\n" + std::string(static_cast<std::size_t>(indent + 1), ' ');
  out += '[';
  for (std::int64_t i = 0; i < n; ++i) {
    if (i > 0) out += separator;
    if (shorten && n > 2 * edge && i == edge) {
      out += "..." + separator;
      i = n - edge;
    }
    write(x.select(0, i), shorten, indent + 1, out);
  }
  out += ']';
}

}  // namespace

std::string to_string(const Tensor& tensor) {
  if (!tensor.defined()) return "Tensor(undefined)";
  std::string out = "Tensor(";
  const Tensor plain = tensor.detach().to(computing_type(tensor.dtype()));
  write(plain, plain.numel() > most_shown, 7, out);
  out += fmt::format(", shape={}, {}", tensor.shape(), name_of(tensor.dtype()));
  return out + (tensor.requires_grad() ? ", requires_grad)" : ")");
}

std::ostream& operator<<(std::ostream& stream, const Tensor& tensor) { return stream << to_string(tensor); }

}  // namespace perdita
