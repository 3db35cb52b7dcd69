#include "perdita/data/csv_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"

namespace perdita::data::detail {

namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20;

/// The bytes by which compressed files are recognized, and the program that decompresses them.
struct Compression {
  std::size_t at;
  std::string_view bytes, program;
};
constexpr std::array<Compression, 4> compressions{
    {{0, "\x1f\x8b", "gzip"}, {0, "\x28\xb5\x2f\xfd", "zstd"}, {4, "1AY&SY", "bzip2"}, {1, "7zXZ", "xz"}}};

/// The length of the byte-order mark of UTF-8, or 0. Throws DataError for UTF-16 and binary data.
std::size_t check_start(std::string_view text, const std::string& name) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    fail<DataError>("read_csv: {}: the text is UTF-16 (valid: UTF-8)", name);
  for (const Compression& known : compressions) {
    if (text.substr(0, 16).substr(std::min(known.at, text.size())).starts_with(known.bytes))
      fail<DataError>("read_csv: {}: the file is compressed (valid: text in UTF-8, as {} -d writes it)", name,
                      known.program);
  }
  if (text.substr(0, 8).find('\0') != std::string_view::npos || text.starts_with("PK\x03\x04"))
    fail<DataError>("read_csv: {}: the file is not text, got {} (valid: UTF-8)", name, printable(text.substr(0, 8)));
  return text.starts_with("\xef\xbb\xbf") ? 3 : 0;
}

/// Whether the quote at `at`, outside of quoted fields, is the first character of its field.
bool opens_field(std::string_view text, std::size_t at, char separator) {
  while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t') && text[at - 1] != separator) --at;
  const char before = at == 0 ? separator : text[at - 1];
  return before == separator || before == '\n' || before == '\r';
}

/// Behind the last line end in text[from, to), or 0.
std::size_t last_line_end(std::string_view text, std::size_t from, std::size_t to) {
  while (to > from && text[to - 1] != '\n' && (text[to - 1] != '\r' || to == text.size())) --to;
  return to > from ? to : 0;
}

}  // namespace

std::size_t complete_records(std::string_view text, char separator) {
  std::size_t end = 0;
  for (std::size_t unquoted = 0;;) {
    std::size_t open = text.find('"', unquoted);
    while (open != std::string_view::npos && !opens_field(text, open, separator)) open = text.find('"', open + 1);
    end = std::max(end, last_line_end(text, unquoted, std::min(open, text.size())));
    if (open == std::string_view::npos) return end;
    std::size_t close = text.find('"', open + 1);
    while (close != std::string_view::npos && close + 1 < text.size() && text[close + 1] == '"') {
      close = text.find('"', close + 2);
    }
    if (close == std::string_view::npos || close + 1 == text.size()) return end;
    unquoted = close + 1;
  }
}

CsvText::CsvText(std::string_view text, std::string name) : name_(std::move(name)), text_(text), is_all_loaded_(true) {
  text_.remove_prefix(check_start(text_, name_));
}

CsvText::CsvText(std::shared_ptr<const InputFile> file) : name_(file->path().string()), file_(std::move(file)) {
  load();
  used_ = check_start(buffer_, name_);
}

void CsvText::load() {
  buffer_.erase(0, std::exchange(used_, 0));
  const std::size_t kept = buffer_.size();
  if (kept > most_record_bytes) {
    fail<DataError>("read_csv: {}: the line starting at byte {} has more than {} bytes (is a quote not closed?)", name_,
                    offset_ - kept, most_record_bytes);
  }
  buffer_.resize(kept + std::max(block_bytes, kept));
  const std::size_t wanted = buffer_.size() - kept, got = file_->read(offset_, buffer_.data() + kept, wanted);
  buffer_.resize(kept + got);
  offset_ += got;
  is_all_loaded_ = got < wanted;
}

std::string_view CsvText::next(char separator) {
  for (;;) {
    const std::string_view text = loaded();
    const std::size_t length = is_all_loaded_ ? text.size() : complete_records(text, separator);
    if (length > 0 || is_all_loaded_) {
      used_ += length;
      return text.substr(0, length);
    }
    load();
  }
}

}  // namespace perdita::data::detail
