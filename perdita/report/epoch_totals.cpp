#include "perdita/report/epoch_totals.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "perdita/core/error.hpp"
#include "perdita/data/json.hpp"

namespace perdita::report {

void EpochTotals::add_batch(double batch_loss, std::int64_t count) {
  if (count > 0) loss += batch_loss * static_cast<double>(count);  // the mean of no samples is NaN
  samples += count;
  ++steps;
}

void EpochTotals::add_samples(std::span<const double> losses, std::span<const double> margins,
                              std::span<const std::int64_t> labels) {
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (!margins.empty()) {
      if (std::isnan(margins[i])) continue;
      ++judged;
      correct += margins[i] > 0;
    }
    if (labels.empty() || labels[i] < 0) continue;
    const auto label = static_cast<std::size_t>(labels[i]);
    if (label >= classes.size()) classes.resize(label + 1);
    classes[label].loss += losses[i];
    ++classes[label].samples;
  }
}

void EpochTotals::merge(const EpochTotals& other) {
  loss += other.loss;
  samples += other.samples, steps += other.steps;
  correct += other.correct, judged += other.judged;
  if (classes.size() < other.classes.size()) classes.resize(other.classes.size());
  for (std::size_t k = 0; k < other.classes.size(); ++k) {
    classes[k].loss += other.classes[k].loss;
    classes[k].samples += other.classes[k].samples;
  }
}

std::vector<std::pair<std::string, double>> EpochTotals::values(const std::vector<std::string>& names) const {
  std::vector<std::pair<std::string, double>> values{{"train_loss", loss / static_cast<double>(samples)}};
  if (judged > 0) {
    values.emplace_back("train_accuracy", static_cast<double>(correct) / static_cast<double>(judged));
  }
  if (classes.size() > most_classes) return values;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    if (classes[k].samples == 0) continue;
    values.emplace_back("train_loss/" + (k < names.size() ? names[k] : fmt::format("{}", k)),
                        classes[k].loss / static_cast<double>(classes[k].samples));
  }
  return values;
}

std::string EpochTotals::to_json() const {
  // Sums as the bits of a double: JSON has no infinity, and a run continues with the same numbers.
  const auto exact = [](double value) { return fmt::format("{:a}", value); };
  nlohmann::ordered_json object{{"loss", exact(loss)}, {"samples", samples},
                                {"steps", steps},      {"correct", correct},
                                {"judged", judged},    {"classes", nlohmann::ordered_json::array()}};
  for (const Class& each : classes) object["classes"].push_back({exact(each.loss), each.samples});
  return object.dump();
}

EpochTotals EpochTotals::from_json(std::string_view text) {
  const auto object = data::parse_json<nlohmann::ordered_json>(text, "EpochTotals: the text");
  const auto number = [](const nlohmann::ordered_json& from) {
    return std::strtod(from.get<std::string>().c_str(), nullptr);
  };
  EpochTotals totals;
  try {
    totals.loss = number(object.at("loss"));
    totals.samples = object.at("samples").get<std::int64_t>();
    totals.steps = object.at("steps").get<std::int64_t>();
    totals.correct = object.at("correct").get<std::int64_t>();
    totals.judged = object.at("judged").get<std::int64_t>();
    for (const auto& each : object.at("classes")) {
      totals.classes.push_back({number(each.at(0)), each.at(1).get<std::int64_t>()});
    }
  } catch (const nlohmann::json::exception& error) {
    fail<DataError>("EpochTotals: {} (valid: the text of another recorder)", error.what());
  }
  return totals;
}

}  // namespace perdita::report
