#include "perdita/losses/loss_sum.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/core/trim.hpp"

namespace perdita {

namespace {

constexpr std::string_view syntax = "valid: parts such as 0.7*cross_entropy + 0.3*dice:smooth=1";

/// Whether the sign at `at` belongs to a number such as 1e+3.
bool is_of_exponent(std::string_view text, std::size_t at) {
  const auto is_digit = [&](std::size_t i) {
    return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0;
  };
  if (at < 2 || !is_digit(at + 1) || (text[at - 1] != 'e' && text[at - 1] != 'E')) return false;
  std::size_t first = at - 1;
  while (first > 0 && (is_digit(first - 1) || text[first - 1] == '.')) --first;
  const bool is_of_name =
      first > 0 && (std::isalpha(static_cast<unsigned char>(text[first - 1])) || text[first - 1] == '_');
  return first < at - 1 && !is_of_name;
}

/// Whether the minus at `at` is that of a number, such as -1 or 1e-3, or of a name: it does not stand apart.
bool is_within_word(std::string_view text, std::size_t at) {
  if (at == 0 || std::isspace(static_cast<unsigned char>(text[at - 1])) == 0) return true;
  const std::string_view before = trimmed(text.substr(0, at));
  return before.empty() || before.find_last_of("=,:*+-/(") == before.size() - 1;
}

/// Whether the character at `at` is a sign within a number or a name.
bool is_sign_of_word(std::string_view text, std::size_t at) {
  return (text[at] == '+' && is_of_exponent(text, at)) || (text[at] == '-' && is_within_word(text, at));
}

/// The place of the next of these characters that is not part of a number or a name, or the size of the text.
std::size_t find_symbol(std::string_view text, std::string_view symbols) {
  std::size_t at = text.find_first_of(symbols);
  while (at != text.npos && is_sign_of_word(text, at)) at = text.find_first_of(symbols, at + 1);
  return std::min(at, text.size());
}

/// Cuts "(...)" off the front of `rest`, and returns what is between the parentheses.
std::string_view take_parentheses(std::string_view& rest, std::string_view whole) {
  int depth = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    depth += rest[i] == '(' ? 1 : rest[i] == ')' ? -1 : 0;
    if (depth > 0) continue;
    const std::string_view inside = rest.substr(1, i - 1);
    rest.remove_prefix(i + 1);
    return inside;
  }
  fail<ValueError>("got '{}': a parenthesis is not closed ({})", whole, syntax);
}

PartWeight factor_of(std::string_view text, std::string_view whole) {
  if (text == "learned") return {.is_learned = true};
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    fail<ValueError>(
        "got '{}': the factor '{}' is not known (valid: before the loss, a number, learned, linear(...), "
        "cosine(...), step(...))",
        whole, text);
  }
  return {.factor = value};
}

PartWeight product(PartWeight a, const PartWeight& b) {
  if ((a.schedule && b.schedule) || (a.is_learned && b.is_learned)) {
    fail<ValueError>("a weight has two {} (valid: one)", a.schedule && b.schedule ? "schedules" : "learned factors");
  }
  a.factor *= b.factor;
  if (b.schedule) a.schedule = b.schedule;
  a.is_learned = a.is_learned || b.is_learned;
  return a;
}

/// Reads parts off the front of a text.
class Parser {
 public:
  explicit Parser(std::string_view text, int depth = 0) : whole_(text), rest_(text), depth_(depth) {
    constexpr std::size_t most_characters = 10000;
    constexpr int most_depth = 100;
    if (text.size() > most_characters)
      fail<ValueError>("the loss has {} characters (valid: at most {})", text.size(), most_characters);
    if (depth > most_depth) fail<ValueError>("parentheses are nested {} deep (valid: at most {})", depth, most_depth);
  }

  LossSum parse() {
    LossSum sum = part({});
    while (!rest_.empty()) {
      const char sign = rest_.front();
      if (sign != '+' && sign != '-') fail<ValueError>("got '{}': '{}' is not expected ({})", whole_, rest_, syntax);
      rest_.remove_prefix(1);
      if (trimmed(rest_).empty())
        fail<ValueError>("got '{}': no loss follows the last '{}' ({})", whole_, sign, syntax);
      sum += part({.factor = sign == '-' ? -1.0 : 1.0});
    }
    return sum;
  }

 private:
  LossSum part(PartWeight weight) {
    for (;;) {
      rest_ = trimmed(rest_);
      const std::size_t at = find_symbol(rest_, "*+-:(");
      const std::string_view word = trimmed(rest_.substr(0, at));
      const char symbol = at < rest_.size() ? rest_[at] : '\0';
      if (symbol == '(' && word.empty()) return weight * in_parentheses();
      if (symbol == '(') {
        rest_.remove_prefix(at);
        weight = product(weight, {.schedule = parse_weight_schedule(word, take_parentheses(rest_, whole_))});
        rest_ = trimmed(rest_);
        if (!rest_.starts_with('*'))
          fail<ValueError>("got '{}': '*' is missing after {}(...) ({})", whole_, word, syntax);
        rest_.remove_prefix(1);
      } else if (symbol == '*') {
        weight = product(weight, factor_of(word, whole_));
        rest_.remove_prefix(at + 1);
      } else {
        const bool is_formula = symbol == ':' && word == Formula::info.name;
        return weight * loss(is_formula ? rest_.size() : find_symbol(rest_, "+-"));
      }
    }
  }

  LossSum in_parentheses() {
    const std::string_view inside = take_parentheses(rest_, whole_);
    rest_ = trimmed(rest_);
    return Parser(trimmed(inside), depth_ + 1).parse();
  }

  /// The loss that ends at `end`.
  LossSum loss(std::size_t end) {
    const std::string_view text = trimmed(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (text.empty()) fail<ValueError>("got '{}': a loss is missing ({})", whole_, syntax);
    const bool is_formula = text.starts_with(Formula::info.name);
    if (!is_formula && text.find('*') != text.npos) {
      fail<ValueError>("got '{}': a factor follows the loss in '{}' ({})", whole_, text, syntax);
    }
    return parse_loss(text);
  }

  std::string_view whole_, rest_;
  int depth_;
};

/// Whether two operands hold the same. A formula's may hold anything.
bool mean_the_same(const LossOperand& a, const LossOperand& b) {
  const auto is_one_of = [&](Meaning one, Meaning other) {
    return (a.meaning == one && b.meaning == other) || (a.meaning == other && b.meaning == one);
  };
  return a.meaning == b.meaning || a.meaning == Meaning::any || b.meaning == Meaning::any ||
         is_one_of(Meaning::class_index, Meaning::mask) || is_one_of(Meaning::label, Meaning::mask);
}

/// Whether the input of a loss of a positive mean is its logarithm; nothing for other losses.
std::optional<bool> predicts_logarithm(const AnyLoss& any) {
  if (meaning_of_prediction(info_of(any)) != Meaning::log_mean) return std::nullopt;
  return std::visit(
      []<class Loss>(const Loss& loss) {
        if constexpr (requires { loss.log_input; })
          return loss.log_input;
        else
          return true;
      },
      any.loss);
}

bool has_log_target(const AnyLoss& any) {
  return std::visit(
      []<class Loss>(const Loss& loss) {
        if constexpr (requires { loss.log_target; })
          return loss.log_target;
        else
          return false;
      },
      any.loss);
}

std::string operands_of(const LossInfo& info) {
  std::string text;
  for (const LossOperand& operand : info.operands) {
    if (operand.role != Role::weight) text += fmt::format("{}{}", text.empty() ? "" : ", ", operand.name);
  }
  return text;
}

std::string unique_name(std::span<const LossPart> parts, std::string_view name) {
  std::string unique(name);
  for (int count = 2; std::ranges::find(parts, unique, &LossPart::name) != parts.end(); ++count)
    unique = fmt::format("{}_{}", name, count);
  return unique;
}

}  // namespace

std::string difference_between(const AnyLoss& first, const AnyLoss& second) {
  const LossInfo &a = info_of(first), &b = info_of(second);
  if (a.operands.count_without_weights() != b.operands.count_without_weights())
    return fmt::format("{} takes {}, but {} takes {}", a.name, operands_of(a), b.name, operands_of(b));
  for (std::size_t i = 0; i < a.operands.count_without_weights(); ++i) {
    const LossOperand &one = a.operands.begin()[i], &other = b.operands.begin()[i];
    if (one.name != other.name || one.role != other.role)
      return fmt::format("{} takes {}, but {} takes {}", a.name, operands_of(a), b.name, operands_of(b));
    if (!mean_the_same(one, other)) {
      return fmt::format("the {} of {}: {}; of {}: {}", one.name, a.name, name_of(one.meaning), b.name,
                         name_of(other.meaning));
    }
  }
  const auto has = [&](Unit unit) { return a.unit == unit || b.unit == unit; };
  const bool are_of_pixels = has(Unit::image) && has(Unit::element);
  if (a.unit != b.unit && !has(Unit::mask) && !are_of_pixels)
    return fmt::format("{} has one loss per {}, but {} one per {}", a.name, name_of(a.unit), b.name, name_of(b.unit));
  const std::optional<bool> one = predicts_logarithm(first), other = predicts_logarithm(second);
  if (one && other && *one != *other) return fmt::format("log_input of {} and {} differ", a.name, b.name);
  if (has_log_target(first) != has_log_target(second))
    return fmt::format("log_target of {} and {} differ", a.name, b.name);
  if (levels_of(first) != levels_of(second)) return fmt::format("the levels q of {} and {} differ", a.name, b.name);
  return {};
}

LossSum::LossSum(AnyLoss loss) {
  std::string name(info_of(loss).name);
  parts_.push_back({std::move(name), {}, std::move(loss)});
}

const AnyLoss* LossSum::single() const {
  const PartWeight& weight = parts_[0].weight;
  return parts_.size() == 1 && !weight.changes() && weight.factor == 1 ? &parts_[0].loss : nullptr;
}

const AnyLoss& LossSum::leading() const {
  for (const LossPart& part : parts_) {
    if (meaning_of_prediction(info_of(part.loss)) != Meaning::any) return part.loss;
  }
  return parts_[0].loss;
}

bool LossSum::changes() const {
  return std::ranges::any_of(parts_, [](const LossPart& part) { return part.weight.changes(); });
}

bool LossSum::learns() const {
  return std::ranges::any_of(parts_, [](const LossPart& part) { return part.weight.is_learned; });
}

bool LossSum::is_never_negative() const {
  return std::ranges::all_of(parts_, [](const LossPart& part) {
    const auto& schedule = part.weight.schedule;
    const bool is_positive = part.weight.factor >= 0 && (!schedule || std::min(schedule->from, schedule->to) >= 0);
    return has(info_of(part.loss).traits, Trait::never_negative) && is_positive && !part.weight.is_learned;
  });
}

LossSum& LossSum::operator+=(const LossSum& other) {
  std::vector<LossPart> all = parts_;
  for (const LossPart& part : other.parts_) {
    for (const LossPart& known : all) {
      const std::string difference = difference_between(known.loss, part.loss);
      if (difference.empty()) continue;
      fail<ValueError>(
          "{} + {}: the parts do not read the same prediction and target: {} (valid: losses with the same "
          "operands)",
          known.name, part.name, difference);
    }
    all.push_back({unique_name(all, info_of(part.loss).name), part.weight, part.loss});
  }
  parts_ = std::move(all);
  return *this;
}

LossSum& LossSum::operator*=(const PartWeight& weight) {
  std::vector<LossPart> all = parts_;
  for (LossPart& part : all) {
    part.weight = product(part.weight, weight);
    check(part.weight);
  }
  parts_ = std::move(all);
  return *this;
}

LossSum parse_loss_sum(std::string_view text) { return Parser(text).parse(); }

std::size_t colon_of_last_part(std::string_view text) {
  std::size_t begin = 0, colon = text.npos;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth > 0) continue;
    if ((text[i] == '+' || text[i] == '-') && !is_sign_of_word(text, i)) begin = i + 1, colon = text.npos;
    if (text[i] != ':' || colon != text.npos) continue;
    if (text.substr(begin, i - begin).ends_with(Formula::info.name)) return text.npos;
    colon = i;
  }
  return colon;
}

std::string to_string(const LossSum& loss) {
  if (const AnyLoss* single = loss.single()) return to_string(*single);
  std::string text;
  for (const LossPart& part : loss.parts()) {
    const std::string own = to_string(part.loss);
    const bool is_formula = own.starts_with(Formula::info.name);
    text += fmt::format("{}{}{}", text.empty() ? "" : " + ", to_string(part.weight),
                        is_formula ? fmt::format("({})", own) : own);
  }
  return text;
}

}  // namespace perdita
