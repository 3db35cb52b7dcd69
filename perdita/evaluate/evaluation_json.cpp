#include "perdita/evaluate/evaluation_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace perdita::evaluate {

namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json quantiles(const Summary& s) {
  return {{"min", number(s.min)},       {"lower_quartile", number(s.lower_quartile)},
          {"median", number(s.median)}, {"upper_quartile", number(s.upper_quartile)},
          {"p95", number(s.p95)},       {"p99", number(s.p99)},
          {"max", number(s.max)}};
}

Json histogram(const Histogram& h) {
  return {{"edges", h.edges}, {"counts", h.counts}, {"below", h.below}, {"above", h.above}};
}

Json loss_object(const Evaluation& e) {
  return {{"samples", e.losses.count},
          {"mean", number(e.losses.mean)},
          {"interval", {number(e.interval.low), number(e.interval.high)}},
          {"standard_deviation", number(e.losses.standard_deviation)},
          {"standard_error", number(e.losses.standard_error)},
          {"weighted", e.weighted},
          {"quantiles", quantiles(e.losses)},
          {"quantiles_relative_error", e.exact_quantiles ? 0.0 : QuantileSketch::relative_error},
          {"histogram", histogram(e.histogram)}};
}

void add_classes(const Evaluation& e, Json& object) {
  const ClassificationScore& score = *e.classes;
  const Interval interval = wilson_interval(score.correct, score.samples);
  object["accuracy"] = number(score.accuracy);
  object["accuracy_interval"] = {interval.low, interval.high};
  object["balanced_accuracy"] = number(score.balanced_accuracy);
  object["macro_f1"] = number(score.macro_f1);
  for (std::size_t k = 0; k < score.classes.size(); ++k) {
    const ClassScore& c = score.classes[k];
    object["classes"].push_back({{"name", e.class_names.empty() ? std::to_string(k) : e.class_names[k]},
                                 {"samples", c.support},
                                 {"predicted", c.predicted},
                                 {"loss", number(c.mean_loss)},
                                 {"precision", number(c.precision)},
                                 {"recall", number(c.recall)},
                                 {"f1", number(c.f1)}});
  }
  if (score.confusion.empty()) return;
  Json& confusion = object["confusion"] = Json::array();  // [true class][predicted class]
  for (std::size_t k = 0; k < score.classes.size(); ++k) {
    const auto row = score.confusion.begin() + static_cast<std::ptrdiff_t>(k * score.classes.size());
    confusion.push_back(std::vector<std::int64_t>(row, row + static_cast<std::ptrdiff_t>(score.classes.size())));
  }
}

void add_calibration(const Evaluation& e, Json& object) {
  const Calibration& c = *e.calibration;
  Json& calibration = object["calibration"];
  calibration = {{"ece", number(c.ece)}, {"mce", number(c.mce)}, {"mean_confidence", number(c.confidence)}};
  for (const CalibrationBin& bin : c.bins) {
    calibration["bins"].push_back({{"low", bin.low},
                                   {"high", bin.high},
                                   {"count", bin.count},
                                   {"confidence", number(bin.confidence)},
                                   {"accuracy", number(bin.accuracy)}});
  }
  if (!e.temperature) return;
  const TemperatureFit& t = *e.temperature;
  calibration["temperature"] = {{"temperature", t.temperature},       {"samples", t.samples},
                                {"nll_before", number(t.nll_before)}, {"nll_after", number(t.nll_after)},
                                {"ece_before", number(t.ece_before)}, {"ece_after", number(t.ece_after)}};
}

void add_regression(const Evaluation& e, Json& object) {
  const RegressionScore& r = *e.regression;
  object["regression"] = {{"samples", r.samples}, {"mse", number(r.mse)},   {"rmse", number(r.rmse)},
                          {"mae", number(r.mae)}, {"bias", number(r.bias)}, {"r2", number(r.r2)}};
  object["residuals"] = {{"mean", number(e.residuals.mean)},
                         {"standard_deviation", number(e.residuals.standard_deviation)},
                         {"quantiles", quantiles(e.residuals)}};
}

Json hardest_list(const Evaluation& e) {
  Json list = Json::array();
  for (const HardSample& sample : e.hardest) {
    const Place place = place_of(e, sample);
    Json entry{{"index", place.row}};
    if (e.units_per_row > 1) entry["column"] = place.column;
    entry["loss"] = number(sample.loss);
    if (!std::isfinite(sample.loss))
      entry["nonfinite"] = std::isnan(sample.loss) ? "nan" : sample.loss > 0 ? "inf" : "-inf";
    const auto value = [&](double v) {
      return e.classes && !std::isnan(v) ? Json(static_cast<std::int64_t>(v)) : number(v);
    };
    if (e.kind != Kind::losses_only) {
      entry["predicted"] = value(sample.predicted);
      entry["true"] = value(sample.truth);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

Place place_of(const Evaluation& e, const HardSample& sample) {
  return {sample.index / e.units_per_row, sample.index % e.units_per_row};
}

std::string to_json(const Evaluation& e) {
  Json object{{"loss", e.loss}, {"from", name_of(e.scale)}, {"rows", e.rows}, {"counted", e.counted}};
  object["left_out"] = {{"ignored", e.left_out.ignored}, {"nan", e.left_out.nan}, {"infinite", e.left_out.infinite}};
  if (e.classes) object["left_out"]["unpredicted"] = e.left_out.unpredicted;
  if (e.kind == Kind::regression) object["left_out"]["residuals"] = e.left_out.residuals;
  if (e.left_out.first >= 0) object["left_out"]["first_nonfinite"] = e.left_out.first / e.units_per_row;
  object["losses"] = loss_object(e);
  for (const PartMean& part : e.parts)
    object["parts"][part.name] = {{"weight", number(part.weight)}, {"mean", number(part.mean)}};
  if (e.classes) add_classes(e, object);
  if (e.calibration) add_calibration(e, object);
  if (e.roc) {
    object["roc_auc"] = number(e.roc->area);
    object["roc_auc_exact"] = e.roc->is_exact;
    object["roc_auc_error"] = number(e.roc->error);
    object["brier"] = number(e.brier);
  }
  if (e.regression) add_regression(e, object);
  object["hardest"] = hardest_list(e);
  object["warnings"] = e.warnings;
  return object.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace perdita::evaluate
