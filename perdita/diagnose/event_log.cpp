// TensorBoard event files: TFRecord framing of tensorflow.Event messages.
#include <bit>
#include <cstring>
#include <optional>

#include "perdita/core/crc32c.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/diagnose/log_table.hpp"

namespace perdita::diagnose {

namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie in the file");

constexpr std::size_t header_bytes = 12, footer_bytes = 4;  // length and its checksum; checksum of the record

template <class T>
T read_at(std::string_view bytes, std::size_t offset) {
  T number;
  std::memcpy(&number, bytes.data() + offset, sizeof(T));
  return number;
}

/// A field of a protocol buffer.
struct Field {
  int number = 0, type = 0;     // type: 0 varint, 1 eight bytes, 2 bytes, 5 four bytes
  std::uint64_t integer = 0;    // of a varint
  std::string_view bytes = {};  // of the others
};

/// Reads the fields of a message one after the other. Throws DataError for text that is none.
class Message {
 public:
  Message(std::string_view bytes, const std::filesystem::path& path) : bytes_(bytes), path_(path) {}

  std::optional<Field> next() {
    if (bytes_.empty()) return std::nullopt;
    const std::uint64_t key = varint();
    Field field{.number = static_cast<int>(key >> 3), .type = static_cast<int>(key & 7)};
    switch (field.type) {
      case 0:
        field.integer = varint();
        break;
      case 1:
        field.bytes = take(8);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        field.bytes = take(4);
        break;
      default:
        damaged();
    }
    return field;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    damaged();
  }
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size()) damaged();
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  [[noreturn]] void damaged() const {
    fail<DataError>("{}: a record of the event file is damaged (valid: records that TensorBoard reads)",
                    path_.string());
  }

  std::string_view bytes_;
  const std::filesystem::path& path_;
};

/// The number of a TensorProto with one element of float or double.
std::optional<double> scalar_of_tensor(std::string_view bytes, const std::filesystem::path& path) {
  constexpr std::uint64_t float_type = 1, double_type = 2;
  std::uint64_t type = 0;
  std::string_view elements;
  Message tensor(bytes, path);
  while (const auto field = tensor.next()) {
    if (field->number == 1 && field->type == 0) type = field->integer;
    if ((field->number == 4 || field->number == 5 || field->number == 6) && field->type != 0) elements = field->bytes;
  }
  if (type == float_type && elements.size() == sizeof(float)) return read_at<float>(elements, 0);
  if (type == double_type && elements.size() == sizeof(double)) return read_at<double>(elements, 0);
  return std::nullopt;
}

/// Summary.Value of a scalar: its tag and number.
void add_value(std::string_view bytes, double step, const EventFileName& file, LogTable& table) {
  std::string_view tag;
  std::optional<double> number;
  Message value(bytes, file.path);
  while (const auto field = value.next()) {
    if (field->number == 1 && field->type == 2) tag = field->bytes;
    if (field->number == 2 && field->type == 5) number = read_at<float>(field->bytes, 0);
    if (field->number == 8 && field->type == 2) number = scalar_of_tensor(field->bytes, file.path);
  }
  if (!number || tag.empty()) return;  // an image, a histogram, a text
  table.values.push_back({.column = table.column(file.prefix + std::string(tag)), .value = *number, .step = step});
}

void add_event(std::string_view bytes, const EventFileName& file, LogTable& table) {
  double step = 0;
  std::vector<std::string_view> values;
  Message event(bytes, file.path);
  while (const auto field = event.next()) {
    if (field->number == 2 && field->type == 0) step = static_cast<double>(field->integer);
    if (field->number != 5 || field->type != 2) continue;
    Message summary(field->bytes, file.path);
    while (const auto value = summary.next()) {
      if (value->number == 1 && value->type == 2) values.push_back(value->bytes);
    }
  }
  for (const std::string_view value : values) add_value(value, step, file, table);
}

void add_file(const EventFileName& file, LogTable& table) {
  const std::string text = read_file(file.path);
  std::string_view rest = text;
  while (rest.size() >= header_bytes) {
    const auto length = read_at<std::uint64_t>(rest, 0);
    if (masked_crc32c(rest.substr(0, 8)) != read_at<std::uint32_t>(rest, 8)) {
      fail<DataError>("{}: the record at byte {} has a wrong checksum (valid: a TensorBoard event file)",
                      file.path.string(), text.size() - rest.size());
    }
    if (length > rest.size() - header_bytes || rest.size() - header_bytes - length < footer_bytes) return;  // cut off
    const std::string_view event = rest.substr(header_bytes, length);
    if (masked_crc32c(event) != read_at<std::uint32_t>(rest, header_bytes + length)) {
      fail<DataError>("{}: the record at byte {} has a wrong checksum (valid: a TensorBoard event file)",
                      file.path.string(), text.size() - rest.size());
    }
    add_event(event, file, table);
    rest.remove_prefix(header_bytes + length + footer_bytes);
  }
}

}  // namespace

bool is_event_file(const std::filesystem::path& path) {
  return path.filename().string().find("tfevents") != std::string::npos;
}

LogTable read_event_files(const std::vector<EventFileName>& files) {
  LogTable table{.path = files.front().path.parent_path(), .format = "TensorBoard events", .columns = {}, .values = {}};
  if (files.size() == 1) table.path = files.front().path;
  for (const EventFileName& file : files) add_file(file, table);
  table.number_rows_by_step();
  return table;
}

}  // namespace perdita::diagnose
