// Losses of boxes on tensors.
#include <cmath>

#include "perdita/functional/in_double.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/several_operands.hpp"
#include "perdita/losses/box_kernels.hpp"

namespace perdita::detail {

namespace {

void check_shapes(const char* function, const Tensor& input, const Tensor& target) {
  if (input.rank() > 0 && input.size(-1) == 4 && input.shape() == target.shape()) return;
  fail<ShapeError>("{}: input has shape {} and target {} (valid: [..., 4] for both)", function, input.shape(),
                   target.shape());
}

/// The columns of boxes [..., 4]: recorded, so that their gradients are those of the boxes.
std::array<Tensor, 8> columns_of(const Tensor& input, const Tensor& target) {
  std::array<Tensor, 8> columns;
  for (std::size_t k = 0; k < 4; ++k) {
    columns[k] = input.select(-1, static_cast<std::int64_t>(k)).contiguous();
    columns[k + 4] = target.select(-1, static_cast<std::int64_t>(k)).contiguous();
  }
  return columns;
}

/// Throws ValueError that names the first box whose corners are not in order.
void check_boxes(const char* function, const char* name, BoxFormat format, const Tensor& boxes) {
  const Tensor dense = boxes.detach().to(DType::float64).contiguous();
  const double* const data = dense.data<double>();
  for (std::int64_t i = 0; i < dense.numel(); i += 4) {
    const bool has_corners = format == BoxFormat::xyxy;
    const double width = has_corners ? data[i + 2] - data[i] : data[i + 2];
    const double height = has_corners ? data[i + 3] - data[i + 1] : data[i + 3];
    if (width >= 0 && height >= 0) continue;
    fail<ValueError>("{}: {}[{}] is ({}, {}, {}, {}), of width {} and height {} (valid: at least 0)", function, name,
                     i / 4, data[i], data[i + 1], data[i + 2], data[i + 3], width, height);
  }
}

template <class Loss>
Tensor losses_of(const Loss& loss, const std::array<Tensor, 8>& x) {
  return loss(std::array{x[0], x[1], x[2], x[3]}, std::array{x[4], x[5], x[6], x[7]});
}

template <class Loss>
Tensor box_loss(const char* function, const Loss& loss, GivenTensors given, const LossOptions& options) {
  const DType dtype = loss_dtype(function, *given[0], *given[1]);
  check_parameters(loss);
  const DType computed = needs_double(loss, dtype) ? DType::float64 : dtype;
  const Tensor input = loss_operand(function, "input", *given[0], computed),
               target = loss_operand(function, "target", *given[1], computed);
  check_shapes(function, input, target);
  if (validates(options)) {
    check_boxes(function, "input", loss.format, input);
    check_boxes(function, "target", loss.format, target);
  }
  const std::array<Tensor, 8> x = columns_of(input, target);
  Tensor result;
  if (needs_grad({&target})) {
    result = reduce_losses(function, losses_of(loss, x), options, Loss::info.mean);
  } else {
    result = visit_floating(computed, function, [&]<class T>() {
      const auto kernel = [&](const auto& in, const auto& out, std::int64_t count) {
        return kernels::several_operands<places_of_box>(OfBoxNumbers<Loss>{loss}, in, out, count);
      };
      const auto again = [loss](const std::array<Tensor, 8>& columns) { return losses_of(loss, columns); };
      return weighted_loss(function, Loss::info.mean, options, [&](const LossOptions& own) {
        return loss_of_several<T>(function, x, places_of_box, Loss::info.mean, own, kernel, again);
      });
    });
  }
  return computed == dtype ? result : narrowed(result, options.extras);
}

}  // namespace

#define PERDITA_DEFINE(Loss)                                                                            \
  Tensor own_call(const char* function, const Loss& loss, GivenTensors x, const LossOptions& options) { \
    return box_loss(function, loss, x, options);                                                        \
  }
PERDITA_DEFINE(BoxIou)
PERDITA_DEFINE(BoxGiou)
PERDITA_DEFINE(BoxDiou)
PERDITA_DEFINE(BoxCiou)
#undef PERDITA_DEFINE

}  // namespace perdita::detail
