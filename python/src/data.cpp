#include "python/src/data.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "perdita/core/error.hpp"
#include "perdita/data/class_sampler.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/data/imbalance.hpp"
#include "perdita/data/weighted_sampler.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

template <class T>
using Row = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
std::span<const T> span_of(const Row<T>& row) {
  return {row.data(), row.size()};
}

/// A NumPy array that owns `numbers`.
template <class T>
nb::object to_numpy(std::vector<T> numbers) {
  auto* const kept = new std::vector<T>(std::move(numbers));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {kept->size()}, owner));
}

nb::object draw(const data::Sampler& sampler, std::uint64_t epoch) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(sampler.size()));
  {
    const nb::gil_scoped_release unlocked;
    sampler.draw(epoch, indices);
  }
  return to_numpy(std::move(indices));
}

data::Balance parse_balance(std::string_view how) {
  if (how == "oversample") return data::Balance::oversample;
  if (how == "undersample") return data::Balance::undersample;
  fail<ValueError>("ClassBalancedSampler: how is '{}' (valid: oversample, undersample)", how);
}

}  // namespace

void add_data(nb::module_& m) {
  using Labels = Row<std::int64_t>;
  using Numbers = Row<double>;
  m.def("class_weights", [](const Labels& counts, std::string_view scheme) {
    return to_numpy(data::class_weights(span_of(counts), data::parse_weight_scheme(scheme)));
  });
  m.def(
      "count_classes",
      [](const Labels& labels, std::optional<std::int64_t> num_classes, std::optional<std::int64_t> ignore_index) {
        return to_numpy(data::count_classes(span_of(labels), num_classes, ignore_index));
      },
      nb::arg(), nb::arg().none(), nb::arg().none());
  m.def("pos_weights", [](const Labels& negatives, const Labels& positives, double cap) {
    return to_numpy(data::pos_weights(span_of(negatives), span_of(positives), cap));
  });
  m.def("imbalanced_subset", [](const Labels& labels, std::string_view imbalance) {
    return to_numpy(data::imbalanced_subset(span_of(labels), data::parse_imbalance(imbalance)));
  });
  nb::class_<data::Sampler>(m, "Sampler").def("draw", &draw).def("__len__", &data::Sampler::size);
  nb::class_<data::WeightedRandomSampler, data::Sampler>(m, "WeightedRandomSampler")
      .def("__init__", [](data::WeightedRandomSampler* self, const Numbers& weights, std::int64_t num_samples,
                          bool replacement, std::uint64_t seed) {
        const nb::gil_scoped_release unlocked;
        new (self) data::WeightedRandomSampler(span_of(weights), num_samples, {replacement, seed});
      });
  nb::class_<data::ClassBalancedSampler, data::Sampler>(m, "ClassBalancedSampler")
      .def(
          "__init__",
          [](data::ClassBalancedSampler* self, const Labels& labels, std::string_view how,
             std::optional<std::int64_t> samples_per_class, std::uint64_t seed) {
            const data::ClassBalancedOptions options{parse_balance(how), samples_per_class, seed};
            new (self) data::ClassBalancedSampler(span_of(labels), options);
          },
          nb::arg(), nb::arg(), nb::arg().none(), nb::arg());
}

}  // namespace perdita::python
