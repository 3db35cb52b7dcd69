// The signature of a loss, as data: its operands, and the unit of one loss.
//
// It determines the names of arguments, the losses that train and evaluate accept, the dtype of the result, and the
// operands in explain and the reference.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <string_view>

namespace perdita {

/// A set of numbers that an operand or a parameter may take.
struct Interval {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool includes_low = true, includes_high = true;

  constexpr bool contains(double x) const {
    if (ends_only) return x == low || x == high;
    if (finite_only && (x == std::numeric_limits<double>::infinity() || x == -std::numeric_limits<double>::infinity()))
      return false;
    return (includes_low ? x >= low : x > low) && (includes_high ? x <= high : x < high);
  }
  /// Only two points, low and high: class labels as numbers.
  bool ends_only = false;
  bool finite_only = false;  ///< excludes infinities where low or high is one
};

inline constexpr Interval reals{};
inline constexpr Interval positive{.low = 0, .includes_low = false};
inline constexpr Interval non_negative{.low = 0};
inline constexpr Interval probabilities{.low = 0, .high = 1};
inline constexpr Interval signs{.low = -1, .high = 1, .ends_only = true};
inline constexpr Interval zero_or_one{.low = 0, .high = 1, .ends_only = true};

enum class Role {
  prediction,        ///< output of the model
  target,            ///< true values
  side_information,  ///< additional data: numbers of samples, lengths
  weight,            ///< factors of the losses
};
std::string_view name_of(Role role);

/// The meaning of an operand.
enum class Meaning {
  value,      ///< in the target's unit
  log_mean,   ///< the logarithm of an expected value, or that value with log_input=false
  quantiles,  ///< one for each level, in the last dimension
  variance,
  log_variance,
  scale,           ///< a distribution's standard deviation, or what takes its place
  log_dispersion,  ///< logarithm of the ratio of the excess variance and the squared mean
  degrees_of_freedom,
  probability,
  log_probability,
  logit,  ///< of a class: the logarithm of odds, or an input of a softmax
  score,  ///< the larger the better, without a scale
  distance,
  vector,          ///< a row of components that are compared together
  class_index,     ///< an integer, or probabilities of the classes where the input's shape says so
  ordered_class,   ///< an integer
  interval_index,  ///< of an interval of time
  box,             ///< four numbers
  class_list,      ///< indices of a row's classes, ended by -1
  label,           ///< 0 or 1, or a probability
  sign,            ///< 1 or -1
  mask,            ///< pixels of a mask: class indices, or one label per pixel
  count,
  length,
  log_hazard,  ///< the logarithm of a rate of events, up to a constant
  log_time,
  time,
  indicator,   ///< whether something happened: 0 or 1
  group,       ///< group of a row
  advantage,   ///< how much better an action was than expected
  divergence,  ///< a Kullback-Leibler divergence
  relevance,   ///< relevance of a document to a query, 0 or more
  factor,
  any,  ///< depends on the user's formula
};
std::string_view name_of(Meaning meaning);

enum class Element { floating, integer, floating_or_integer };
std::string_view name_of(Element element);

/// One tensor that a loss is called with.
struct LossOperand {
  std::string_view name;
  Role role = Role::prediction;
  Meaning meaning = Meaning::value;
  std::string_view shape = "[...]";  ///< with N items, C classes, D components, T steps
  Interval domain = reals;
  Element element = Element::floating;
  bool is_optional = false;
  bool decides_dtype = true;  ///< whether the dtype of the result depends on its dtype

  constexpr LossOperand named(std::string_view other) const {
    LossOperand result = *this;
    result.name = other;
    return result;
  }
  constexpr LossOperand of_shape(std::string_view other) const {
    LossOperand result = *this;
    result.shape = other;
    return result;
  }
  constexpr LossOperand in(const Interval& other) const {
    LossOperand result = *this;
    result.domain = other;
    return result;
  }
  constexpr LossOperand of(Meaning other) const { return of(role, other); }
  constexpr LossOperand of(Role other_role, Meaning other) const {
    LossOperand result = *this;
    result.role = other_role;
    result.meaning = other;
    return result;
  }
  /// The same operand, whose dtype does not decide that of the result.
  constexpr LossOperand not_deciding_dtype() const {
    LossOperand result = *this;
    result.decides_dtype = false;
    return result;
  }
};

/// Of the two weights that a loss may have, whether this is that of positive labels. Only the name distinguishes them.
constexpr bool is_pos_weight(const LossOperand& operand) {
  return operand.role == Role::weight && operand.name == "pos_weight";
}

/// The operands of a loss, in the order of its arguments.
class Operands {
 public:
  constexpr Operands(std::initializer_list<LossOperand> operands) : size_(operands.size()) {
    std::copy(operands.begin(), operands.end(), list_.begin());
  }
  constexpr const LossOperand* begin() const { return list_.data(); }
  constexpr const LossOperand* end() const { return list_.data() + size_; }
  constexpr std::size_t size() const { return size_; }

  constexpr std::size_t count(Role role) const {
    std::size_t result = 0;
    for (const LossOperand& operand : *this) result += operand.role == role;
    return result;
  }
  /// The first of that role. Only for losses that have one.
  constexpr const LossOperand& first(Role role) const {
    return *std::find_if(begin(), end(), [role](const LossOperand& operand) { return operand.role == role; });
  }
  constexpr Interval domain_of_target() const { return has(Role::target) ? first(Role::target).domain : reals; }
  constexpr bool has(Role role) const { return count(role) > 0; }
  /// The operands without weights, which are last.
  constexpr std::size_t count_without_weights() const { return size_ - count(Role::weight); }

 private:
  std::array<LossOperand, 5> list_{};
  std::size_t size_;
};

/// The part of the data that one loss of reduction none is computed of.
enum class Unit {
  element,  ///< of the shape that prediction and target broadcast to
  row,      ///< a sample's classes
  vector,   ///< a row of each of several tensors
  mask,     ///< all pixels of an item, or of one of its classes
  sequence,
  event,  ///< a sample at whose time the event happened; the others lose 0
  group,  ///< the rows of a group
  image,  ///< all pixels and channels of an item
};
std::string_view name_of(Unit unit);

// ---- operands that many losses have ----

constexpr LossOperand prediction(Meaning meaning, Interval domain = reals) {
  return {.name = "input", .role = Role::prediction, .meaning = meaning, .domain = domain};
}
constexpr LossOperand target(Meaning meaning, Interval domain = reals) {
  return {.name = "target", .role = Role::target, .meaning = meaning, .domain = domain};
}

inline constexpr LossOperand element_weight_operand{
    .name = "weight", .role = Role::weight, .meaning = Meaning::factor, .is_optional = true};
inline constexpr LossOperand class_weight_operand = element_weight_operand.of_shape("[C]");
inline constexpr LossOperand class_logits_operand =
    prediction(Meaning::logit).of_shape("[C], [N, C] or [N, C, d1, ...]");
/// Class indices, or probabilities of the classes.
inline constexpr LossOperand class_target_operand{.name = "target",
                                                  .role = Role::target,
                                                  .meaning = Meaning::class_index,
                                                  .shape = "[], [N] or [N, d1, ...]; for probabilities that of input",
                                                  .domain = probabilities,
                                                  .element = Element::floating_or_integer};
/// Class indices alone.
inline constexpr LossOperand index_target_operand{.name = "target",
                                                  .role = Role::target,
                                                  .meaning = Meaning::class_index,
                                                  .shape = "[]",
                                                  .element = Element::integer,
                                                  .decides_dtype = false};
inline constexpr LossOperand class_counts_operand{.name = "class_counts",
                                                  .role = Role::side_information,
                                                  .meaning = Meaning::count,
                                                  .shape = "[C]",
                                                  .domain = non_negative,
                                                  .decides_dtype = false};

/// One of several ordered classes per row.
inline constexpr LossOperand ordered_class_operand = index_target_operand.of(Meaning::ordered_class).of_shape("[N]");
/// Whether the event was observed; otherwise the time is censored.
inline constexpr LossOperand event_operand{.name = "event",
                                           .role = Role::target,
                                           .meaning = Meaning::indicator,
                                           .shape = "[N]",
                                           .domain = zero_or_one,
                                           .element = Element::floating_or_integer,
                                           .decides_dtype = false};

/// A distribution's scale, which is predicted or a constant.
inline constexpr LossOperand scale_operand = prediction(Meaning::scale, positive).named("scale");
/// Weights of the losses of several operands.
inline constexpr LossOperand loss_weight_operand = element_weight_operand.not_deciding_dtype();

/// Losses of an input and a target element, each with a weight if one is given.
constexpr Operands elementwise_operands(LossOperand input, LossOperand target) {
  return {input, target, element_weight_operand.not_deciding_dtype()};
}
/// Losses of a row of logits and a class.
inline constexpr Operands class_operands{class_logits_operand, class_target_operand,
                                         class_weight_operand.not_deciding_dtype()};
/// The same, of logits that the classes' numbers of samples change.
inline constexpr Operands counted_class_operands{class_logits_operand, class_target_operand, class_counts_operand,
                                                 class_weight_operand.not_deciding_dtype()};
/// Losses of images.
inline constexpr std::string_view image_shape = "[N, C, H, W], or [C, H, W] for one image";
inline constexpr LossOperand image_weight_operand = element_weight_operand.of_shape("[N]").not_deciding_dtype();

/// Losses of masks.
inline constexpr Operands mask_operands{
    prediction(Meaning::logit).of_shape("[N, ...] with one mask per item, or [N, C, ...] with one mask per class"),
    LossOperand{.name = "target",
                .role = Role::target,
                .meaning = Meaning::mask,
                .shape = "that of input, or without C for class indices",
                .domain = probabilities,
                .element = Element::floating_or_integer},
    class_weight_operand.not_deciding_dtype()};

}  // namespace perdita
