#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "perdita/evaluate/text.hpp"
#include "perdita/report/run_sections.hpp"

namespace perdita::report {
namespace {
using evaluate::format_count;
using evaluate::format_number;

/// The test samples with the largest losses; a loss that is no number is the largest of all.
std::vector<std::size_t> hardest(std::span<const float> losses, std::size_t most) {
  std::vector<std::size_t> order(losses.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t i) {
    return std::isnan(losses[i]) ? std::numeric_limits<float>::infinity() : losses[i];
  };
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, order.size()));
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  order.resize(static_cast<std::size_t>(count));
  return order;
}

/// One of an <ol class="samples">; `text` is HTML.
std::string card(const Image& image, std::string_view what, std::string_view text) {
  std::string picture;
  if (!image.empty()) {
    picture = fmt::format("<img alt=\"{}\" width=\"{}\" height=\"{}\" src=\"data:image/png;base64,{}\">", what,
                          image.width, image.height, to_base64(to_png(image)));
  }
  return fmt::format("<li>{}{}</li>\n", picture, text);
}

}  // namespace

std::string hardest_section(const RunReport& r) {
  constexpr std::size_t most = 20;
  if (r.test_losses.empty()) return {};
  std::string text = fmt::format(
      "<p class=\"note\">The {} samples with the largest loss. Rows of the data are counted from 0, without the "
      "header. Some of these samples may have a wrong label.</p>\n<ol "
      "class=\"samples\">\n",
      r.held_out);
  for (std::size_t i : hardest(r.test_losses, most)) {
    const std::int64_t row = r.test_rows.empty() ? static_cast<std::int64_t>(i) : r.test_rows[i];
    std::string truth, guess;
    if (is_classification(r)) {
      truth = r.class_names[static_cast<std::size_t>(r.targets[i])];
      guess = r.predictions[i] < 0 ? "nothing" : r.class_names[static_cast<std::size_t>(r.predictions[i])];
    } else if (is_regression(r)) {
      truth = format_number(r.target_values[i]), guess = format_number(r.predicted_values[i]);
    }
    std::string facts = fmt::format("<b>loss {}</b><br>row {}", format_number(r.test_losses[i]), row);
    if (!truth.empty()) facts += fmt::format("<br>true: {}<br>predicted: {}", escape(truth), escape(guess));
    text += card(r.picture ? r.picture(static_cast<std::int64_t>(i)) : Image{}, fmt::format("row {}", row), facts);
  }
  return text + "</ol>\n";
}

std::string suspects_section(const RunReport& r) {
  if (r.contradicted < 0) return {};
  std::string text = fmt::format(
      "<p>For <strong>{}</strong> of {} training samples, the score of another class was higher than that of the label "
      "on average over the epochs (negative area under the margin). Some of these samples are difficult, others have "
      "wrong labels.{}</p>\n",
      format_count(r.contradicted), format_count(r.train_samples),
      r.suspects.empty() ? "" : " The samples below have the lowest margins; <code>suspects.csv</code> ranks all.");
  if (r.suspects.empty()) return text;
  text += "<ol class=\"samples\">\n";
  for (const Suspect& suspect : r.suspects) {
    text += card(suspect.picture, fmt::format("training sample {}", suspect.row),
                 fmt::format("<b>{}?</b><br>row {}<br>margin {}<br>mean loss {}", escape(suspect.label), suspect.row,
                             format_number(suspect.aum), format_number(suspect.mean_loss)));
  }
  return text + "</ol>\n";
}

}  // namespace perdita::report
