#include "python/src/data.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "perdita/core/buffer.hpp"
#include "perdita/core/error.hpp"
#include "perdita/data/class_sampler.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/data/distributed_sampler.hpp"
#include "perdita/data/imbalance.hpp"
#include "perdita/data/index_split.hpp"
#include "perdita/data/sampler.hpp"
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

/// Into memory from the cache of buffers, which the threads that draw are the first to touch.
nb::object draw(const data::Sampler& sampler, std::uint64_t epoch) {
  const auto count = static_cast<std::size_t>(sampler.size());
  auto kept = std::make_unique<Buffer>(Buffer::allocate(count * sizeof(std::int64_t)));
  auto* const indices = static_cast<std::int64_t*>(kept->data());
  {
    const nb::gil_scoped_release unlocked;
    sampler.draw(epoch, {indices, count});
  }
  const nb::capsule owner(kept.release(), [](void* p) noexcept { delete static_cast<Buffer*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, std::int64_t, nb::ndim<1>>(indices, {count}, owner));
}

/// A sampler of Python's, which outlives this one (see keep_alive below).
class Borrowed : public data::Sampler {
 public:
  explicit Borrowed(const data::Sampler& sampler) : sampler_(&sampler) {}
  std::int64_t size() const override { return sampler_->size(); }
  void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const override { sampler_->draw(epoch, indices); }

 private:
  const data::Sampler* sampler_;
};

nb::list to_list(std::vector<std::vector<std::int64_t>> parts) {
  nb::list arrays;
  for (std::vector<std::int64_t>& part : parts) arrays.append(to_numpy(std::move(part)));
  return arrays;
}

std::vector<std::int64_t> to_vector(const Row<std::int64_t>& row) {
  const auto values = span_of(row);
  return {values.begin(), values.end()};
}

data::Balance parse_balance(std::string_view how) {
  if (how == "oversample") return data::Balance::oversample;
  if (how == "undersample") return data::Balance::undersample;
  fail<ValueError>("ClassBalancedSampler: how is '{}' (valid: oversample, undersample)", how);
}

void add_samplers(nb::module_& m) {
  using Labels = Row<std::int64_t>;
  using Numbers = Row<double>;
  nb::class_<data::Sampler>(m, "Sampler").def("draw", &draw).def("__len__", &data::Sampler::size);
  nb::class_<data::RandomSampler, data::Sampler>(m, "RandomSampler")
      .def(
          "__init__",
          [](data::RandomSampler* self, std::int64_t count, bool replacement, std::optional<std::int64_t> num_samples,
             std::uint64_t seed) {
            new (self) data::RandomSampler(count, {replacement, num_samples, seed});
          },
          nb::arg(), nb::arg(), nb::arg().none(), nb::arg());
  nb::class_<data::SubsetSampler, data::Sampler>(m, "SubsetSampler")
      .def("__init__", [](data::SubsetSampler* self, const Labels& indices) {
        new (self) data::SubsetSampler(to_vector(indices));
      });
  nb::class_<data::SubsetRandomSampler, data::Sampler>(m, "SubsetRandomSampler")
      .def("__init__", [](data::SubsetRandomSampler* self, const Labels& indices, std::uint64_t seed) {
        new (self) data::SubsetRandomSampler(to_vector(indices), seed);
      });
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
  nb::class_<data::DistributedSampler, data::Sampler>(m, "DistributedSampler")
      .def(
          "__init__",
          [](data::DistributedSampler* self, const data::Sampler& whole, std::int64_t world_size, std::int64_t rank,
             bool drop_last) {
            new (self) data::DistributedSampler(Borrowed(whole), {world_size, rank, drop_last});
          },
          nb::keep_alive<1, 2>());
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
  m.def("random_split", [](std::int64_t count, const Numbers& fractions, std::uint64_t seed) {
    return to_list(data::random_split(count, span_of(fractions), seed));
  });
  m.def("stratified_split", [](const Labels& labels, const Numbers& fractions, std::uint64_t seed) {
    return to_list(data::stratified_split(span_of(labels), span_of(fractions), seed));
  });
  add_samplers(m);
}

}  // namespace perdita::python
