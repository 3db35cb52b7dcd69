#include "perdita/losses/signature.hpp"

#include <utility>

namespace perdita {

namespace {

template <class Enum, std::size_t n>
std::string_view name_in(const std::pair<Enum, std::string_view> (&names)[n], Enum wanted) {
  const auto found = std::find_if(std::begin(names), std::end(names), [&](const auto& p) { return p.first == wanted; });
  return found == std::end(names) ? "unknown" : found->second;
}

}  // namespace

std::string_view name_of(Role role) {
  constexpr std::pair<Role, std::string_view> names[] = {{Role::prediction, "prediction"},
                                                         {Role::target, "target"},
                                                         {Role::side_information, "side information"},
                                                         {Role::weight, "weight"}};
  return name_in(names, role);
}

std::string_view name_of(Meaning meaning) {
  constexpr std::pair<Meaning, std::string_view> names[] = {
      {Meaning::value, "values"},
      {Meaning::log_mean, "logarithms of means"},
      {Meaning::quantiles, "quantiles"},
      {Meaning::variance, "variances"},
      {Meaning::log_variance, "logarithms of variances"},
      {Meaning::scale, "scales"},
      {Meaning::log_dispersion, "logarithms of dispersions"},
      {Meaning::degrees_of_freedom, "degrees of freedom"},
      {Meaning::probability, "probabilities"},
      {Meaning::log_probability, "log-probabilities"},
      {Meaning::logit, "logits"},
      {Meaning::score, "scores"},
      {Meaning::distance, "distances"},
      {Meaning::vector, "vectors"},
      {Meaning::class_index, "class indices"},
      {Meaning::ordered_class, "ordered classes"},
      {Meaning::interval_index, "interval indices"},
      {Meaning::box, "boxes"},
      {Meaning::class_list, "lists of class indices, ended by -1"},
      {Meaning::label, "labels"},
      {Meaning::sign, "labels of 1 and -1"},
      {Meaning::mask, "masks"},
      {Meaning::count, "counts"},
      {Meaning::length, "lengths"},
      {Meaning::log_hazard, "log hazards"},
      {Meaning::log_time, "logarithms of times"},
      {Meaning::time, "times"},
      {Meaning::indicator, "0 or 1"},
      {Meaning::group, "groups"},
      {Meaning::advantage, "advantages"},
      {Meaning::divergence, "divergences"},
      {Meaning::relevance, "relevance"},
      {Meaning::factor, "factors of the losses"},
      {Meaning::any, "numbers"}};
  return name_in(names, meaning);
}

std::string_view name_of(Element element) {
  constexpr std::pair<Element, std::string_view> names[] = {{Element::floating, "floating"},
                                                            {Element::integer, "integer"},
                                                            {Element::floating_or_integer, "floating or integer"}};
  return name_in(names, element);
}

std::string_view name_of(Unit unit) {
  constexpr std::pair<Unit, std::string_view> names[] = {
      {Unit::element, "element"},   {Unit::row, "row"},     {Unit::vector, "vector"}, {Unit::mask, "mask"},
      {Unit::sequence, "sequence"}, {Unit::event, "event"}, {Unit::group, "group"},   {Unit::image, "image"}};
  return name_in(names, unit);
}

}  // namespace perdita
