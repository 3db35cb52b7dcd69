#include <array>

#include "fuzz.hpp"
#include "perdita/expr/parse.hpp"
#include "perdita/losses/formula_text.hpp"
#include "perdita/rewriting/parameters.hpp"
#include "perdita/rewriting/reference.hpp"
#include "perdita/rewriting/stabilize.hpp"

namespace {

using namespace perdita;

const std::array<NamedExpr, 2> inputs{{{"y", Expr::input(0, "y")}, {"t", Expr::input(1, "t")}}};

}  // namespace

/// The stable form of any formula has the same values, at points that the search has not seen.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const FormulaText text = separate_formula({reinterpret_cast<const char*>(data), size});
    const Expr formula = parse_expr(text.formula, inputs);
    const Stabilized found =
        stabilize(formula, {.domain = std::string(text.domain), .seconds = 0.1, .compared_points = 200});
    if (!found.is_changed) return 0;
    // Other constants are rounded in the form: 1 / 0.3.
    if (!rewriting::Parameters(formula, found.domain.size()).names().empty()) return 0;
    const rewriting::Points points = rewriting::draw_points(found.domain, 100, 77);
    require(!rewriting::compare_values(formula, found.formula, points).differs);
  } catch (const ValueError&) {
  } catch (const GraphError&) {  // trigamma has no derivative
  }
  return 0;
}
