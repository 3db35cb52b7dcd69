#include "perdita/train/candidate.hpp"

#include <algorithm>
#include <cctype>

#include "perdita/core/error.hpp"
#include "perdita/losses/loss_sum.hpp"

namespace perdita::train {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// The place of the next separator outside parentheses, or the size of the text.
std::size_t find_separator(std::string_view text, char separator, std::size_t at) {
  for (int depth = 0; at < text.size(); ++at) {
    if (text[at] == separator && depth == 0) break;
    depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
  }
  return at;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = find_separator(text, separator, at);
    if (const std::string_view part = trim(text.substr(at, end - at)); !part.empty()) parts.push_back(part);
    at = end + 1;
  }
  return parts;
}

/// The option of a run that "class_weights" or "weights" means; null if there is none.
const Option* run_option(std::string_view key) {
  std::string name(key == "weights" ? "class-weights" : key);
  std::ranges::replace(name, '_', '-');
  // What differs between candidates may not be what they are compared on.
  for (std::string_view common : {"data", "loss", "imbalance", "val-fraction", "test-fraction", "seed", "threads"}) {
    if (name == common) return nullptr;
  }
  const auto found = std::ranges::find(options(), name, &Option::name);
  return found == options().end() ? nullptr : &*found;
}

std::string expand(std::string_view entry) {
  constexpr std::string_view drw = "ldam_drw";
  if (!entry.starts_with(drw)) return std::string(entry);
  std::string_view rest = entry.substr(drw.size());
  if (!rest.empty() && rest.front() != ':') return std::string(entry);
  std::string text = "ldam:last_layer=cosine,weights=effective_number:0.9999,defer_weights=0.8";
  return rest.empty() ? text : fmt::format("{},{}", text, rest.substr(1));
}

bool has_formula(std::string_view entry) { return entry.find("formula:") != entry.npos; }

/// "gamma = 2": what a formula's text goes on with after a separator.
bool is_definition(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || equals + 1 == text.size() || text[equals + 1] == '=') return false;
  const std::string_view name = trim(text.substr(0, equals));
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

/// The entries of "cross_entropy; formula: a * y^2 where a = 2; b = 3; huber": formulas have separators of their own.
std::vector<std::string> entries_of(std::string_view text) {
  std::vector<std::string> entries;
  for (std::string_view part : split(text, ';')) {
    if (!entries.empty() && has_formula(entries.back()) && is_definition(part))
      entries.back() += fmt::format("; {}", part);
    else
      entries.emplace_back(part);
  }
  return entries;
}

Candidate parse_candidate(std::string_view name, const Config& common) {
  Candidate candidate{std::string(name), common};
  const std::string text = expand(name);
  const std::size_t colon = colon_of_last_part(text);
  std::string loss = text.substr(0, colon), of_loss;
  std::vector<std::pair<const Option*, std::string>> of_run;
  if (colon != text.npos) {
    for (std::string_view word : split(std::string_view(text).substr(colon + 1), ',')) {
      const Option* const option = run_option(word.substr(0, word.find('=')));
      if (option != nullptr && word.find('=') != word.npos) {
        of_run.emplace_back(option, word.substr(word.find('=') + 1));
      } else if (!of_run.empty() && of_run.back().first->name == "class-weights" && word.starts_with("cap=")) {
        of_run.back().second += fmt::format(",{}", word);
      } else {
        of_loss += fmt::format("{}{}", of_loss.empty() ? ":" : ",", word);
      }
    }
  }
  try {
    candidate.config.loss = parse_loss_sum(loss + of_loss);
    for (const auto& [option, value] : of_run) option->set(candidate.config, value);
  } catch (const ValueError& error) {
    fail<ValueError>("'{}': {}", name, error.what());
  }
  return candidate;
}

}  // namespace

std::vector<Candidate> parse_candidates(std::string_view text, const Config& common) {
  std::vector<Candidate> all;
  for (const std::string& entry : entries_of(text)) {
    if (std::ranges::find(all, entry, &Candidate::name) != all.end()) {
      fail<ValueError>("'{}' is given twice (valid: each loss once)", entry);
    }
    all.push_back(parse_candidate(entry, common));
  }
  if (all.size() < 2) {
    fail<ValueError>("got '{}' (valid: two or more losses, for example 'cross_entropy; focal:gamma=2')", text);
  }
  return all;
}

}  // namespace perdita::train
