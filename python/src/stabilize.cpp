#include "python/src/stabilize.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include "perdita/losses/stable_formula.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace perdita::python {

namespace {

/// The numbers of the variables at a point.
nb::dict inputs_at(const Stabilized& found, std::size_t point) {
  nb::dict inputs;
  for (std::size_t v = 0; v < found.domain.size(); ++v) {
    if (!found.domain[v].name.empty()) inputs[nb::cast(found.domain[v].name)] = found.points.columns[v][point];
  }
  return inputs;
}

nb::dict dict_of(const rewriting::Accuracy& accuracy, const Stabilized& found) {
  nb::dict errors;
  errors["mean_bits"] = accuracy.mean_bits;
  errors["worst_bits"] = accuracy.worst_bits;
  errors["share_above_4_ulp"] = accuracy.share_beyond;
  errors["worst_input"] = inputs_at(found, accuracy.worst_point);
  return errors;
}

nb::dict dict_of(const rewriting::Measurement::Result& result, const Stabilized& found) {
  nb::dict errors;
  for (std::size_t k = 0; k < 2; ++k) {
    const char* const type = k == 0 ? "float32" : "float64";
    errors[nb::make_tuple("value", type)] = dict_of(result.value[k], found);
    errors[nb::make_tuple("derivative", type)] = dict_of(result.slope[k], found);
  }
  return errors;
}

nb::dict stabilized(std::string_view text, double seconds, std::uint64_t seed) {
  const Stabilized found = [&] {
    const nb::gil_scoped_release without_lock;
    return stabilize_loss(separate_formula(text), {.seconds = seconds, .seed = seed});
  }();
  nb::dict report;
  report["original"] = to_text(found.original);
  report["text"] = text_of(found);
  report["latex"] = to_latex(found.formula);
  report["cpp"] = cpp_of(found);
  report["domain"] = rewriting::to_text(found.domain);
  report["is_changed"] = found.is_changed;
  report["before"] = dict_of(found.before, found);
  report["after"] = dict_of(found.after, found);
  report["nanoseconds_before"] = found.nanoseconds_before;
  report["nanoseconds_after"] = found.nanoseconds_after;
  report["points_compared"] = found.comparison.compared;
  report["points_drawn"] = found.drawn;
  return report;
}

}  // namespace

void add_stabilize(nb::module_& m) { m.def("stabilize", stabilized, "text"_a, "seconds"_a, "seed"_a); }

}  // namespace perdita::python
