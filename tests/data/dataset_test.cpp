#include "perdita/data/dataset.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "data/files.hpp"
#include "perdita/data/split.hpp"
#include "perdita/data/synthetic.hpp"

namespace perdita::data {
namespace {

using Ints = std::vector<std::int64_t>;

Array numbers(const Shape& shape) {
  Array array = Array::empty(shape, DType::float32);
  std::iota(array.data<float>(), array.data<float>() + array.size(), 0.0f);
  return array;
}
template <class T>
Array vector_of(const std::vector<T>& values) {
  Array array = Array::empty({static_cast<std::int64_t>(values.size())}, dtype_of<T>());
  std::copy(values.begin(), values.end(), array.data<T>());
  return array;
}
Ints classes(const Dataset& dataset) {
  return {dataset.targets.data<std::int64_t>(), dataset.targets.data<std::int64_t>() + dataset.size()};
}
template <class E>
std::string message(const Array& inputs, const Array& targets, std::vector<std::string> names = {}) {
  return message_of<E>([&] { Dataset::of(inputs, targets, names); });
}

TEST(Dataset, TargetsDecideTheTask) {
  const Dataset binary = Dataset::of(numbers({3, 2}), vector_of<std::int64_t>({0, 1, 0}));
  EXPECT_EQ(binary.task, Task::binary);
  EXPECT_EQ(binary.class_names, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(binary.class_counts(), (Ints{2, 1}));
  EXPECT_EQ(binary.sample_shape(), Shape{2});
  const Dataset many = Dataset::of(numbers({3, 2, 2}), vector_of<std::uint8_t>({0, 7, 0}));
  EXPECT_EQ(many.task, Task::multiclass);
  EXPECT_EQ(many.num_classes(), 8);
  EXPECT_EQ(many.flatten().inputs.shape, (Shape{3, 4}));
  const Dataset regression = Dataset::of(numbers({3, 2}), numbers({3, 5}));
  EXPECT_EQ(regression.task, Task::regression);
  EXPECT_EQ(Dataset::of(numbers({1}), vector_of<std::int64_t>({0})).num_classes(), 2);  // one class is no task
}

TEST(Dataset, TakesTensors) {
  const Tensor inputs = Tensor::from({1.0f, 2.0f, 3.0f, 4.0f}, {2, 2});
  const Dataset dataset = Dataset::of(inputs.t(), Tensor::from({1, 0}), {"no", "yes"});  // a view is copied
  EXPECT_EQ(dataset.inputs.data<float>()[1], 3.0f);
  EXPECT_EQ(classes(dataset), (Ints{1, 0}));
}

TEST(Dataset, RefusesWhatDoesNotFit) {
  EXPECT_CONTAINS(message<ShapeError>(numbers({3, 2}), numbers({2})), "inputs have shape [3, 2] and targets [2]");
  EXPECT_CONTAINS(message<ShapeError>(numbers({0, 2}), numbers({0})), "no samples");
  EXPECT_CONTAINS(message<ShapeError>(numbers({2}), numbers({2, 1, 1})), "(valid: [N], [N, K])");
  EXPECT_CONTAINS(message<IndexError>(numbers({2}), vector_of<std::int64_t>({0, -1})),
                  "target[1] is class -1 (valid: 0..999999)");
  EXPECT_CONTAINS(message<IndexError>(numbers({2}), vector_of<std::int64_t>({3, 0}), {"a", "b"}),
                  "class 3 (valid: 0..1)");
  EXPECT_CONTAINS(message<IndexError>(numbers({1}), vector_of<std::int64_t>({1LL << 60})),
                  "class 1152921504606846976 (valid");
  EXPECT_CONTAINS(message<DTypeError>(numbers({1}), numbers({1}), {"a"}), "class names with float32 targets");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_CONTAINS(message<ValueError>(numbers({2}), vector_of<float>({0, nan})),
                  "target[1] is nan (valid: finite numbers)");
}

TEST(Dataset, SelectsRowsAndRemembersWhereTheyStood) {
  const Dataset dataset = Dataset::of(numbers({5, 2}), vector_of<std::int64_t>({0, 1, 2, 1, 0}));
  const Dataset chosen = dataset.select(Ints{4, 1, 1});
  EXPECT_EQ(chosen.inputs.shape, (Shape{3, 2}));
  EXPECT_EQ(chosen.inputs.data<float>()[0], 8.0f);
  EXPECT_EQ(chosen.inputs.data<float>()[5], 3.0f);
  EXPECT_EQ(classes(chosen), (Ints{0, 1, 1}));
  EXPECT_EQ(chosen.num_classes(), 3);
  EXPECT_EQ(chosen.select(Ints{1, 0}).rows, (Ints{1, 4}));
  EXPECT_CONTAINS(message_of<IndexError>([&] {
                    dataset.select(Ints{0, 5});
                  }),
                  "index[1] is 5, but there are 5 samples");
}

TEST(Dataset, ChangesTheTask) {
  const Dataset numeric = Dataset::of(numbers({3}), vector_of<float>({2, 0, 1}));
  EXPECT_EQ(classes(numeric.as(Task::multiclass)), (Ints{2, 0, 1}));
  EXPECT_EQ(numeric.as(Task::multiclass).as(Task::regression).targets.data<float>()[0], 2.0f);
  EXPECT_THROW(numeric.as(Task::binary), ValueError);
  EXPECT_CONTAINS(message_of<ValueError>([] {
                    Dataset::of(numbers({2}), vector_of<float>({0, 0.5f})).as(Task::multiclass);
                  }),
                  "target[1] is 0.5, which is not a class index");
  EXPECT_THROW(Dataset::of(numbers({1}), vector_of<float>({-1})).as(Task::multiclass), ValueError);
}

TEST(Dataset, BalancedWeightsGiveEveryClassTheSameSum) {
  const auto weights = balanced_sample_weights(Dataset::of(numbers({4}), vector_of<std::int64_t>({0, 0, 0, 1})));
  EXPECT_EQ(weights, (std::vector<double>{1.0 / 3, 1.0 / 3, 1.0 / 3, 1.0}));
}

/// 100 samples, of which 70, 25 and 5 belong to a class.
Dataset uneven() {
  std::vector<std::int64_t> targets(100, 0);
  for (std::size_t i = 0; i < 30; ++i) targets[3 * i] = i < 25 ? 1 : 2;
  return Dataset::of(numbers({100, 1}), vector_of(targets));
}

TEST(Split, PartsAreDisjointAndTogetherTheWhole) {
  const Dataset dataset = uneven();
  for (bool stratified : {false, true}) {
    const Splits splits =
        split(dataset, {.val_fraction = 0.25, .test_fraction = 0.2, .seed = 3, .stratified = stratified});
    EXPECT_EQ(splits.test->size(), 20);
    EXPECT_EQ(splits.validation->size(), 20);
    std::multiset<float> seen;
    for (const Dataset* part : {&splits.train, &*splits.validation, &*splits.test}) {
      EXPECT_TRUE(std::is_sorted(part->rows.begin(), part->rows.end()));
      for (std::int64_t i = 0; i < part->size(); ++i) {
        const float x = part->inputs.data<float>()[i];
        EXPECT_EQ(x, static_cast<float>(part->rows[static_cast<std::size_t>(i)]));
        EXPECT_EQ(part->targets.data<std::int64_t>()[i], classes(dataset)[static_cast<std::size_t>(x)]);
        seen.insert(x);
      }
    }
    EXPECT_EQ(seen.size(), 100u);
    EXPECT_EQ(std::set<float>(seen.begin(), seen.end()).size(), 100u);
  }
}

TEST(Split, DependsOnTheSeedAlone) {
  const Dataset dataset = uneven();
  EXPECT_EQ(hold_out(dataset, 0.1, 1).held_out.rows, hold_out(dataset, 0.1, 1).held_out.rows);
  EXPECT_NE(hold_out(dataset, 0.1, 1).held_out.rows, hold_out(dataset, 0.1, 2).held_out.rows);
}

TEST(Split, StratifiedKeepsShares) {
  EXPECT_EQ(hold_out(uneven(), 0.2, 5, true).held_out.class_counts(), (Ints{14, 5, 1}));
  EXPECT_EQ(hold_out(uneven(), 0.5, 5, true).held_out.size(), 50);  // 35, 12.5 and 2.5: to within one sample
  EXPECT_EQ(hold_out(uneven(), 0.5, 5, true).held_out.class_counts(), (Ints{35, 13, 2}));
}

TEST(Split, KeepsTheSourcesTestSetAndRefusesEmptyParts) {
  const Dataset dataset = uneven();
  const Splits splits = split(dataset, {.val_fraction = 0}, dataset.select(Ints{1, 2}));
  EXPECT_EQ(splits.train.size(), 100);
  EXPECT_FALSE(splits.validation);
  EXPECT_EQ(splits.test->size(), 2);
  EXPECT_CONTAINS(message_of<ValueError>([&] { split(dataset, {.val_fraction = 1}); }), "val_fraction is 1");
  EXPECT_CONTAINS(message_of<ValueError>([&] { hold_out(dataset, 0.001, 0); }), "of 100 samples is empty");
  const Dataset regression = Dataset::of(numbers({9}), numbers({9}));
  EXPECT_THROW(hold_out(regression, 0.5, 0, true), ValueError);
}

TEST(Synthetic, IsAFunctionOfTheSeed) {
  for (const std::string& name : synthetic_names()) {
    const Dataset a = synthetic(name, {.samples = 50}, 1), b = synthetic(name, {.samples = 50}, 1);
    const Dataset c = synthetic(name, {.samples = 50}, 2);
    EXPECT_EQ(std::memcmp(a.inputs.buffer.data(), b.inputs.buffer.data(), a.inputs.bytes()), 0) << name;
    EXPECT_NE(std::memcmp(a.inputs.buffer.data(), c.inputs.buffer.data(), a.inputs.bytes()), 0) << name;
    EXPECT_EQ(a.size(), 50);
  }
}

TEST(Synthetic, IsWhatItsNameSays) {
  const Dataset sine = synthetic("sine", {.samples = 100, .noise = 0});
  for (int i = 0; i < 100; ++i) {
    EXPECT_FLOAT_EQ(sine.targets.data<float>()[i], std::sin(sine.inputs.data<float>()[i]));
  }
  const Dataset circles = synthetic("circles", {.samples = 100, .noise = 0});
  EXPECT_EQ(circles.task, Task::binary);
  for (int i = 0; i < 100; ++i) {
    const float* x = circles.inputs.data<float>() + 2 * i;
    EXPECT_NEAR(std::hypot(x[0], x[1]), circles.targets.data<std::int64_t>()[i] == 0 ? 1.0 : 0.5, 1e-6);
  }
  const Dataset blobs = synthetic("blobs", {.samples = 4000, .noise = 0, .features = 3, .classes = 4});
  EXPECT_EQ(blobs.class_counts(), (Ints{1000, 1000, 1000, 1000}));
  EXPECT_NEAR(std::hypot(blobs.inputs.data<float>()[0] - blobs.inputs.data<float>()[3],
                         blobs.inputs.data<float>()[1] - blobs.inputs.data<float>()[4]),
              3.0, 1e-5);
  // Least squares finds the weights of the linear problem: here by the normal equations of one feature.
  const Dataset line = synthetic("linear", {.samples = 20000, .features = 1});
  double xx = 0, xy = 0, x1 = 0, y1 = 0;
  for (int i = 0; i < 20000; ++i) {
    const double x = line.inputs.data<float>()[i], y = line.targets.data<float>()[i];
    xx += x * x, xy += x * y, x1 += x, y1 += y;
  }
  const double slope = (xy - x1 * y1 / 20000) / (xx - x1 * x1 / 20000);
  EXPECT_NEAR(slope, 1.0, 0.005);  // noise 0.1: standard error 0.0007
  EXPECT_NEAR(y1 / 20000 - slope * x1 / 20000, 0.5, 0.005);
}

TEST(Synthetic, ImbalanceFallsOffExponentially) {
  EXPECT_EQ(synthetic("imbalanced-blobs", {.samples = 1100}).class_counts(), (Ints{1000, 100}));
  EXPECT_EQ(synthetic("imbalanced-blobs", {.samples = 1110, .classes = 3, .ratio = 100}).class_counts(),
            (Ints{1000, 100, 10}));
  EXPECT_EQ(synthetic("imbalanced-blobs", {.samples = 4, .classes = 4, .ratio = 1000}).class_counts(),
            (Ints{1, 1, 1, 1}));
}

TEST(Synthetic, ErrorsListWhatIsValid) {
  const auto text = [](std::string_view name, const SyntheticOptions& options) {
    return message_of<ValueError>([&] { synthetic(name, options); });
  };
  EXPECT_CONTAINS(text("moon", {}), "unknown problem 'moon' (valid: linear, sine, moons, circles, blobs, spirals, ");
  EXPECT_CONTAINS(text("moons", {.features = 3}), "moons has no option features");
  EXPECT_CONTAINS(text("blobs", {.features = 1}), "features is 1 (valid: 2..1000000)");
  EXPECT_CONTAINS(text("blobs", {.samples = 2}), "2 samples for 3 classes");
  EXPECT_CONTAINS(text("sine", {.noise = -1}), "noise is -1 (valid: 0..1000000)");
  EXPECT_CONTAINS(text("sine", {.noise = std::nan("")}), "noise is nan");
  EXPECT_CONTAINS(text("sine", {.samples = 0}), "samples is 0 (valid: 1..");
}

}  // namespace
}  // namespace perdita::data
