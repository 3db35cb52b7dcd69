#include "perdita/rewriting/domain.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/core/random.hpp"
#include "perdita/expr/order.hpp"
#include "perdita/rewriting/float_order.hpp"

namespace perdita::rewriting {

bool Variable::contains(double x) const {
  if (!listed.empty()) return std::ranges::find(listed, x) != listed.end();
  if (is_whole && x != std::floor(x)) return false;
  return (excludes_low ? x > low : x >= low) && (excludes_high ? x < high : x <= high);
}

Domain inputs_of(const Expr& formula) {
  const ExprOrder order(std::span(&formula, 1));
  Domain inputs;
  for (int i = 0; i < order.size(); ++i) {
    if (order[i].op() != Op::input) continue;
    const auto index = static_cast<std::size_t>(order[i].index());
    if (inputs.size() <= index) inputs.resize(index + 1);
    inputs[index].name = order[i].name();
  }
  return inputs;
}

FormulaWithDomain separate_domain(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\n");
  if (end == text.npos || text[end] != ']') return {text, {}};
  const std::size_t begin = text.rfind('[', end);
  if (begin == text.npos) return {text, {}};
  return {text.substr(0, begin), text.substr(begin + 1, end - begin - 1)};
}

namespace {

/// Reads conditions from left to right.
class Conditions {
 public:
  Conditions(Domain& domain, std::string_view text) : domain_(domain), all_(text), rest_(text) {}

  void read() {
    do {
      read_condition();
    } while (take(","));
    if (skip_blanks(); !rest_.empty()) fail_here("a comma or the end");
  }

 private:
  void read_condition() {
    std::vector<Variable*> variables;
    do variables.push_back(&variable());
    while (take(","));
    if (take("in")) return read_interval(variables);
    for (const std::string_view sign : {"<=", ">=", "<", ">"}) {
      if (take(sign)) return bound(variables, sign, number());
    }
    if (take("==") || take("=")) return read_list(variables);
    fail_here("in, =, <, <=, > or >=");
  }

  void read_interval(const std::vector<Variable*>& variables) {
    const double low = number();
    if (!take("..")) fail_here("..");
    const double high = number();
    bound(variables, ">=", low);
    bound(variables, "<=", high);
  }

  void bound(const std::vector<Variable*>& variables, std::string_view sign, double limit) {
    for (Variable* v : variables) {
      double& end = sign[0] == '>' ? v->low : v->high;
      bool& excludes = sign[0] == '>' ? v->excludes_low : v->excludes_high;
      end = limit;
      excludes = sign.size() == 1;
      if (v->low > v->high || (v->low == v->high && (v->excludes_low || v->excludes_high)))
        fail<ValueError>("domain: there is no {} in [{}]", v->name, all_);
    }
  }

  /// A list of numbers, which ends where the name of a variable follows; "..." continues whole numbers.
  void read_list(const std::vector<Variable*>& variables) {
    std::vector<double> numbers{number()};
    bool continues = false;
    while (!continues && rest_after_comma_is_number()) {
      take(",");
      continues = take("...");
      if (!continues) numbers.push_back(number());
    }
    for (Variable* v : variables) {
      if (!continues) {
        v->listed = numbers;
        continue;
      }
      v->is_whole = true;
      v->low = numbers.front();
    }
  }

  bool rest_after_comma_is_number() {
    skip_blanks();
    std::string_view rest = rest_;
    if (rest.empty() || rest[0] != ',') return false;
    rest.remove_prefix(1);
    const std::size_t next = rest.find_first_not_of(' ');
    return next != rest.npos &&
           (std::isdigit(static_cast<unsigned char>(rest[next])) || rest[next] == '-' || rest[next] == '.');
  }

  Variable& variable() {
    skip_blanks();
    std::size_t size = 0;
    while (size < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[size])) || rest_[size] == '_')) ++size;
    const auto found = std::ranges::find(domain_, rest_.substr(0, size), &Variable::name);
    if (found == domain_.end()) {
      std::vector<std::string_view> names;
      for (const Variable& v : domain_) names.push_back(v.name);
      fail_here(fmt::format("one of {}", fmt::join(names, ", ")));
    }
    rest_.remove_prefix(size);
    return *found;
  }

  double number() {
    skip_blanks();
    double value = 0;
    std::string_view text = rest_.substr(0, rest_.find(".."));  // "0..1" is not "0." and ".1"
    if (take("inf")) return std::numeric_limits<double>::infinity();
    if (take("-inf")) return -std::numeric_limits<double>::infinity();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) fail_here("a number");
    rest_.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
  }

  bool take(std::string_view word) {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.size(), rest_.find_first_not_of(" \t\n"))); }

  [[noreturn]] void fail_here(std::string_view expected) {
    fail<ValueError>("domain: [{}] has '{}' where {} is expected (example: [y > 0, t in 0..1])", all_, rest_, expected);
  }

  Domain& domain_;
  std::string_view all_, rest_;
};

}  // namespace

void restrict_domain(Domain& domain, std::string_view conditions) { Conditions(domain, conditions).read(); }

std::string to_text(const Domain& domain) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  std::vector<std::string> conditions;
  for (const Variable& v : domain) {
    if (!v.listed.empty())
      conditions.push_back(fmt::format("{} = {}", v.name, fmt::join(v.listed, ", ")));
    else if (v.is_whole)
      conditions.push_back(fmt::format("{} = {}, {}, ...", v.name, v.low, v.low + 1));
    else if (v.low > -inf && v.high < inf && !v.excludes_low && !v.excludes_high)
      conditions.push_back(fmt::format("{} in {}..{}", v.name, v.low, v.high));
    else {
      if (v.low > -inf) conditions.push_back(fmt::format("{} >{} {}", v.name, v.excludes_low ? "" : "=", v.low));
      if (v.high < inf) conditions.push_back(fmt::format("{} <{} {}", v.name, v.excludes_high ? "" : "=", v.high));
    }
  }
  return fmt::format("{}", fmt::join(conditions, ", "));
}

namespace {

/// Zeros, ends of the range of exponentials, tiny and huge numbers.
constexpr float special_numbers[] = {0.0f,    -0.0f,  1.0f,  -1.0f,  0.5f,   2.0f,   1e-45f, -1e-45f, 1e-38f,
                                     1e-8f,   -1e-8f, 1e-3f, -1e-3f, 16.75f, -17.5f, 88.5f,  -88.5f,  104.0f,
                                     -104.0f, 1e4f,   -1e4f, 1e10f,  -1e10f, 1e30f,  -1e30f, 3e38f,   -3e38f};

/// Draws numbers of a variable, from the random numbers of one point.
class Draw {
 public:
  Draw(const Variable& variable, const Philox& random, std::uint64_t first)
      : v_(variable), random_(random), first_(first) {}

  double special() const {
    std::vector<double> fitting;
    for (const float x : special_numbers) {
      if (v_.contains(static_cast<double>(x))) fitting.push_back(static_cast<double>(x));
    }
    for (const double end : {v_.low, v_.high}) {
      if (std::isfinite(end) && v_.contains(end)) fitting.push_back(end);
    }
    return fitting.empty() ? usual() : fitting[random_.below(first_, fitting.size())];
  }

  double any() const {
    if (!v_.listed.empty() || v_.is_whole) return usual();
    static constexpr float most = std::numeric_limits<float>::max();
    const auto limited = [](double x) { return std::clamp(static_cast<float>(x), -most, most); };
    const std::int64_t low = place_of(limited(v_.low)), high = place_of(limited(v_.high));
    return inside(
        float_at(low + static_cast<std::int64_t>(random_.below(first_, static_cast<std::uint64_t>(high - low + 1)))));
  }

  double usual() const {
    if (!v_.listed.empty()) return v_.listed[random_.below(first_, v_.listed.size())];
    const double u = random_.uniform(first_), n = random_.normal(first_ + 2);
    if (v_.is_whole) return std::min(v_.high, v_.low + std::floor(std::exp(2 * std::abs(n)) - 1));
    if (std::isfinite(v_.low) && std::isfinite(v_.high)) return inside(v_.low + u * (v_.high - v_.low));
    if (std::isfinite(v_.low)) return inside(v_.low + std::exp(2 * n));
    if (std::isfinite(v_.high)) return inside(v_.high - std::exp(2 * n));
    switch (random_.below(first_ + 4, 4)) {
      case 0:
        return inside(200 * u - 100);
      case 1:
        return inside(std::copysign(std::exp(18 * u - 9), n));
      default:
        return inside(4 * n);
    }
  }

  /// A number near x, if the variable takes such.
  double near(double x) const {
    const double step = std::exp2(-1 - 25 * random_.uniform(first_)) * random_.normal(first_ + 2);
    const double moved = random_.bits64(first_ + 4) & 1 ? x + step : x * (1 + step);
    return v_.listed.empty() && !v_.is_whole && v_.contains(moved) ? inside(moved) : usual();
  }

 private:
  double inside(double x) const {
    const double rounded = static_cast<double>(static_cast<float>(x));
    if (v_.contains(rounded)) return rounded;
    const double toward = std::isfinite(v_.low) && std::isfinite(v_.high) ? 0.5 * (v_.low + v_.high)
                          : std::isfinite(v_.low)                         ? v_.low + 1
                                                                          : v_.high - 1;
    return static_cast<double>(std::nextafter(static_cast<float>(x), static_cast<float>(toward)));
  }

  const Variable& v_;
  const Philox& random_;
  std::uint64_t first_;
};

}  // namespace

Points draw_points(const Domain& domain, std::size_t count, std::uint64_t seed) {
  constexpr std::uint64_t numbers_of_draw = 8;
  Points points;
  points.columns.resize(domain.size());
  for (std::size_t i = 0; i < count; ++i) {
    double first = 0;
    for (std::size_t v = 0; v < domain.size(); ++v) {
      const Philox random(seed, i);
      const Draw draw(domain[v], random, numbers_of_draw * (v + 1));
      const std::uint64_t kind = random.below(0, 64), own = random.below(2 + v, 8);
      double x = 0;
      if (kind < 4)
        x = draw.special();
      else if (kind < 32)
        x = own == 0 ? draw.usual() : draw.any();
      else
        x = v > 0 && kind == 63 ? draw.near(first) : draw.usual();
      points.columns[v].push_back(x);
      first = v == 0 ? x : first;
    }
  }
  return points;
}

}  // namespace perdita::rewriting
