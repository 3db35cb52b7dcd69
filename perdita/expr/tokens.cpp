#include "perdita/expr/tokens.hpp"

#include <charconv>

namespace perdita {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Cuts a text into tokens.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<Token> scan() {
    std::vector<Token> tokens;
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      if (at_ == text_.size()) break;
      tokens.push_back(next());
    }
    tokens.push_back({Token::Kind::end, "", text_.size()});
    return tokens;
  }

 private:
  Token next() {
    const char c = text_[at_];
    if (is_digit(c) || c == '.') return number();
    if (is_letter(c)) return name();
    return symbol();
  }

  Token number() {
    const std::size_t begin = at_;
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error == std::errc::invalid_argument) fail_at(text_, begin, "'.' is not a number");
    at_ = static_cast<std::size_t>(end - text_.data());
    const std::string_view digits = text_.substr(begin, at_ - begin);
    if (error != std::errc{}) fail_at(text_, begin, "{} is out of the range of double", digits);
    if (at_ < text_.size() && is_letter(text_[at_])) {
      fail_at(text_, at_, "a name directly after a number (to multiply, write {} * {})", digits, text_[at_]);
    }
    return {Token::Kind::number, digits, begin, value};
  }

  Token name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    return {Token::Kind::name, text_.substr(begin, at_ - begin), begin};
  }

  Token symbol() {
    constexpr std::pair<std::string_view, std::string_view> symbols[] = {
        {"<=", "<="}, {">=", ">="}, {"==", "=="}, {"!=", "!="}, {"**", "^"}, {"&&", "&"}, {"||", "|"}, {"<", "<"},
        {">", ">"},   {"=", "="},   {"!", "!"},   {"&", "&"},   {"|", "|"},  {"^", "^"},  {"+", "+"},  {"-", "-"},
        {"*", "*"},   {"/", "/"},   {"(", "("},   {")", ")"},   {",", ","},  {";", ";"}};
    for (const auto& [written, meant] : symbols) {
      if (!text_.substr(at_).starts_with(written)) continue;
      const std::size_t begin = std::exchange(at_, at_ + written.size());
      return {Token::Kind::symbol, meant, begin};
    }
    const char c = text_[at_];
    if (c == '?' || c == ':') fail_at(text_, at_, "conditional expressions are written select(condition, a, b)");
    if (c == '[' || c == '{') fail_at(text_, at_, "unexpected '{}' (valid: round parentheses)", c);
    if (c > ' ' && c <= '~') fail_at(text_, at_, "unexpected character '{}'", c);
    fail_at(text_, at_, "invalid character (byte 0x{:02x})", static_cast<unsigned char>(c));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view text) { return Scanner(text).scan(); }

std::string shown(std::string_view text, std::size_t position) {
  constexpr std::size_t before = 60, after = 30;
  const std::size_t begin = position > before ? position - before : 0;
  std::string line(text.substr(begin, position - begin + after));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = is_space(c) ? ' ' : '?';
  }
  return fmt::format("\n  {}\n  {}^", line, std::string(position - begin, ' '));
}

}  // namespace perdita
