#include "perdita/data/synthetic.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "perdita/core/random.hpp"

namespace perdita::data {

namespace {

using std::numbers::pi;

/// Everything a generator needs to know.
struct Problem {
  std::int64_t samples, features, classes;  // classes 0: regression
  double noise, ratio;
  std::uint64_t seed;
};

/// The random numbers of one sample: as many uniform and normal ones as it asks for.
class Draws {
 public:
  Draws(std::uint64_t seed, std::int64_t sample)
      : random_(seed, synthetic_stream | static_cast<std::uint64_t>(sample)) {}
  double uniform() { return random_.uniform(2 * next_++); }
  double normal() { return random_.normal(2 * next_++); }

 private:
  static constexpr std::uint64_t synthetic_stream = std::uint64_t{0x5e7d} << 48;
  Philox random_;
  std::uint64_t next_ = 0;
};

/// Writes the inputs of a sample and returns its target. The class is chosen beforehand.
using Generator = double (*)(const Problem&, std::int64_t label, Draws&, std::span<float> x);

double linear(const Problem& problem, std::int64_t, Draws& draws, std::span<float> x) {
  double y = 0.5;
  for (std::size_t j = 0; j < x.size(); ++j) {
    x[j] = static_cast<float>(draws.normal());
    y += (j % 2 == 0 ? 1.0 : -1.0) / static_cast<double>(j + 1) * x[j];
  }
  return y + problem.noise * draws.normal();
}

double sine(const Problem& problem, std::int64_t, Draws& draws, std::span<float> x) {
  x[0] = static_cast<float>((2 * draws.uniform() - 1) * pi);
  return std::sin(x[0]) + problem.noise * draws.normal();
}

/// A point with normal noise added to each coordinate; further coordinates are noise alone.
void place(const Problem& problem, Draws& draws, std::span<float> x, double x0, double x1) {
  const std::array<double, 2> centre{x0, x1};
  for (std::size_t j = 0; j < x.size(); ++j) {
    x[j] = static_cast<float>((j < 2 ? centre[j] : 0.0) + problem.noise * draws.normal());
  }
}

double moons(const Problem& problem, std::int64_t label, Draws& draws, std::span<float> x) {
  const double angle = pi * draws.uniform();
  if (label == 0) {
    place(problem, draws, x, std::cos(angle), std::sin(angle));
  } else {
    place(problem, draws, x, 1 - std::cos(angle), 0.5 - std::sin(angle));
  }
  return static_cast<double>(label);
}

double circles(const Problem& problem, std::int64_t label, Draws& draws, std::span<float> x) {
  const double angle = 2 * pi * draws.uniform(), radius = label == 0 ? 1.0 : 0.5;
  place(problem, draws, x, radius * std::cos(angle), radius * std::sin(angle));
  return static_cast<double>(label);
}

/// Centres three apart from their neighbours, on a circle.
double blobs(const Problem& problem, std::int64_t label, Draws& draws, std::span<float> x) {
  const double turn = 2 * pi / static_cast<double>(problem.classes), radius = 1.5 / std::sin(turn / 2);
  const double angle = turn * static_cast<double>(label);
  place(problem, draws, x, radius * std::cos(angle), radius * std::sin(angle));
  return static_cast<double>(label);
}

double spirals(const Problem& problem, std::int64_t label, Draws& draws, std::span<float> x) {
  const double along = 0.05 + 0.95 * draws.uniform();
  const double angle = 2 * pi * (static_cast<double>(label) / static_cast<double>(problem.classes) + 0.65 * along);
  place(problem, draws, x, along * std::cos(angle), along * std::sin(angle));
  return static_cast<double>(label);
}

struct Entry {
  std::string_view name;
  Generator generator;
  std::int64_t features, classes;  // by default
  double noise;
  bool any_features, any_classes, has_ratio;
};

constexpr std::array<Entry, 7> entries{{
    {"linear", linear, 8, 0, 0.1, true, false, false},
    {"sine", sine, 1, 0, 0.1, false, false, false},
    {"moons", moons, 2, 2, 0.1, false, false, false},
    {"circles", circles, 2, 2, 0.05, false, false, false},
    {"blobs", blobs, 2, 3, 1.0, true, true, false},
    {"spirals", spirals, 2, 3, 0.02, false, true, false},
    {"imbalanced-blobs", blobs, 2, 2, 1.0, true, true, true},
}};

const Entry& entry_of(std::string_view name) {
  const auto found = std::ranges::find(entries, name, &Entry::name);
  if (found == entries.end()) {
    fail<ValueError>("synthetic: unknown problem '{}' (valid: {})", name, fmt::join(synthetic_names(), ", "));
  }
  return *found;
}

/// The option's value or the problem's own, in range.
template <class T>
T choose(const Entry& entry, std::string_view option, const std::optional<T>& given, T own, bool allowed, T least,
         T most) {
  if (!given) return own;
  if (!allowed) fail<ValueError>("synthetic: {} has no option {}", entry.name, option);
  if (!(*given >= least && *given <= most)) {
    fail<ValueError>("synthetic: {}: {} is {} (valid: {}..{})", entry.name, option, *given, least, most);
  }
  return *given;
}

Problem make_problem(const Entry& entry, const SyntheticOptions& options, std::uint64_t seed) {
  constexpr std::int64_t most = 1'000'000'000;
  Problem problem{};
  problem.seed = seed;
  problem.samples = choose<std::int64_t>(entry, "samples", options.samples, 0, true, 1, most);
  const std::int64_t least_features = entry.classes > 0 ? 2 : 1;
  problem.features = choose<std::int64_t>(entry, "features", options.features, entry.features, entry.any_features,
                                          least_features, 1'000'000);
  problem.classes = choose<std::int64_t>(entry, "classes", options.classes, entry.classes, entry.any_classes, 2, 1000);
  problem.noise = choose<double>(entry, "noise", options.noise, entry.noise, true, 0, 1e6);
  problem.ratio = choose<double>(entry, "ratio", options.ratio, entry.has_ratio ? 10 : 1, entry.has_ratio, 1, 1e9);
  if (problem.samples < problem.classes) {
    fail<ValueError>("synthetic: {}: {} samples for {} classes (valid: at least one sample per class)", entry.name,
                     problem.samples, problem.classes);
  }
  if (problem.features > most / problem.samples) {
    fail<ValueError>("synthetic: {}: {} samples of {} features (valid: up to {} numbers)", entry.name, problem.samples,
                     problem.features, most);
  }
  return problem;
}

/// Labels that fall off exponentially, as ratio^(-c / (K - 1)), at least one of each.
std::vector<std::int64_t> labels_of(const Problem& problem) {
  const auto count = static_cast<std::size_t>(problem.samples);
  std::vector<std::int64_t> labels(count, 0);
  if (problem.classes == 0) return labels;
  if (problem.ratio == 1) {
    for (std::size_t i = 0; i < count; ++i) labels[i] = static_cast<std::int64_t>(i) % problem.classes;
    return labels;
  }
  const auto classes = static_cast<std::size_t>(problem.classes);
  std::vector<double> share(classes);
  double total = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    total += share[c] = std::pow(problem.ratio, -static_cast<double>(c) / static_cast<double>(classes - 1));
  }
  std::size_t at = 0;  // the first class takes what the others leave
  for (std::size_t c = classes; c-- > 1;) {
    const double wanted = std::round(static_cast<double>(problem.samples) * share[c] / total);
    const std::size_t room = count - at - c;  // one for each class still to come
    const std::size_t size = std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1, room);
    std::fill_n(labels.begin() + static_cast<std::ptrdiff_t>(at), size, static_cast<std::int64_t>(c));
    at += size;
  }
  return labels;
}

}  // namespace

const std::vector<std::string>& synthetic_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Entry& entry : entries) all.emplace_back(entry.name);
    return all;
  }();
  return names;
}

Dataset synthetic(std::string_view name, const SyntheticOptions& options, std::uint64_t seed) {
  const Entry& entry = entry_of(name);
  const Problem problem = make_problem(entry, options, seed);
  const std::vector<std::int64_t> labels = labels_of(problem);
  const auto features = static_cast<std::size_t>(problem.features);
  Array inputs = Array::empty({problem.samples, problem.features}, DType::float32);
  Array targets = Array::empty({problem.samples}, problem.classes > 0 ? DType::int64 : DType::float32);
  for (std::int64_t i = 0; i < problem.samples; ++i) {
    Draws draws(seed, i);
    const std::span x(inputs.data<float>() + static_cast<std::size_t>(i) * features, features);
    const double target = entry.generator(problem, labels[static_cast<std::size_t>(i)], draws, x);
    if (problem.classes > 0) {
      targets.data<std::int64_t>()[i] = static_cast<std::int64_t>(target);
    } else {
      targets.data<float>()[i] = static_cast<float>(target);
    }
  }
  Dataset dataset = Dataset::of(std::move(inputs), std::move(targets));
  dataset.name = fmt::format("synthetic:{}", name);
  return dataset;
}

}  // namespace perdita::data
