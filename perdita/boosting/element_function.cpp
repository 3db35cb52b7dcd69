#include <array>
#include <memory>
#include <vector>

#include "perdita/boosting/element_derivatives.hpp"
#include "perdita/core/error.hpp"
#include "perdita/kernels/evaluate_program.hpp"
#include "perdita/losses/formula.hpp"

namespace perdita::boosting {

namespace {

/// The programs of a written formula: its derivatives with and without the value, and the first derivative alone.
struct WrittenPrograms {
  WrittenPrograms(const Expr& value, const Expr& first, const Expr& second, bool is_in_float64)
      : all(std::array{value, first, second}),
        both(std::array{first, second}),
        one(std::array{first}),
        in_float64(is_in_float64) {}
  static std::shared_ptr<const WrittenPrograms> of(const perdita::detail::WrittenLoss& loss) {
    const Expr input = Expr::input(0, "y"), first = loss.slope();
    return std::make_shared<const WrittenPrograms>(
        loss.value(), first, gradient(first, 1.0, std::span(&input, 1)).front(), loss.is_computed_in_float64());
  }
  Program all, both, one;
  bool in_float64;
};

template <class T>
void compute(const WrittenPrograms& programs, const ElementBlock<T>& block) {
  const std::array operands{Operand{block.scores, dtype_of<T>(), {1}}, Operand{block.targets, dtype_of<T>(), {1}}};
  std::vector<Result> results;
  constexpr bool is_float32 = dtype_of<T>() == DType::float32;
  for (T* const data : {block.values, block.first, block.second}) {
    if (data) results.push_back({.data = data, .is_float32 = is_float32});
  }
  const Program& program = block.values ? programs.all : block.second ? programs.both : programs.one;
  evaluate(program, programs.in_float64 ? DType::float64 : dtype_of<T>(), {block.count}, operands, results);
}

template <class T, class Loss>
ElementFunction<T> function_of(const Loss& loss) {
  if constexpr (requires { loss.text(); }) {
    return [programs = WrittenPrograms::of(loss)](const ElementBlock<T>& block) { compute(*programs, block); };
  } else if constexpr (detail::is_differentiated<Loss>) {
    return [loss](const ElementBlock<T>& block) { detail::CompiledDerivatives<Loss, T>::compute(loss, block); };
  } else {
    fail<ValueError>("loss {} is not a formula of one score", Loss::info.name);
  }
}

}  // namespace

template <class T>
ElementFunction<T> element_function(const AnyLoss& any) {
  return std::visit([](const auto& loss) { return function_of<T>(loss); }, any.loss);
}

template ElementFunction<float> element_function(const AnyLoss& loss);
template ElementFunction<double> element_function(const AnyLoss& loss);

}  // namespace perdita::boosting
