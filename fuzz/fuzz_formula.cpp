#include <array>

#include "fuzz.hpp"
#include "perdita/expr/parse.hpp"

namespace {

using namespace perdita;

const std::array<NamedExpr, 2> inputs{{{"y", Expr::input(0, "y")}, {"t", Expr::input(1, "t")}}};

/// What is printed reads back as itself, unless it has grown past what a text may be.
void round_trip(const Expr& expr) {
  const std::string text = to_text(expr);
  try {
    require(to_text(parse_expr(text, inputs)) == text);
  } catch (const ValueError& error) {
    const std::string_view message = error.what();
    require(message.find("characters") != message.npos || message.find("deep") != message.npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Expr formula = parse_expr(std::string_view(reinterpret_cast<const char*>(data), size), inputs);
    round_trip(formula);
    gradient(formula, 1.0, std::array{inputs[0].value, inputs[1].value});
    to_latex(formula);
  } catch (const ValueError&) {
  } catch (const GraphError&) {  // trigamma has no derivative
  }
  return 0;
}
