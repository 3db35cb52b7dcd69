#include "perdita/data/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <vector>

#include "perdita/core/file.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/json.hpp"

namespace perdita::data {

namespace {

using nlohmann::json;

constexpr std::uint64_t longest_header = 100'000'000;  // the format's own limit
constexpr std::string_view metadata_key = "__metadata__";

/// In the reference writer's order: later ones come first in the file.
struct Kind {
  std::string_view code;
  DType dtype;
};
constexpr std::array<Kind, 6> kinds{{{"BOOL", DType::boolean},
                                     {"U8", DType::uint8},
                                     {"I32", DType::int32},
                                     {"F32", DType::float32},
                                     {"F64", DType::float64},
                                     {"I64", DType::int64}}};

std::size_t rank_of(DType dtype) {
  return static_cast<std::size_t>(std::ranges::find(kinds, dtype, &Kind::dtype) - kinds.begin());
}

/// One tensor as the header describes it.
struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  std::uint64_t begin, end;  // within the data
};

class HeaderParser {
 public:
  explicit HeaderParser(std::string_view file) : file_(file) {}

  /// Splits the header into tensors and metadata, checking everything but where the tensors lie.
  std::vector<Entry> parse(std::string_view text, std::map<std::string, std::string>& metadata) const {
    const json header = parse_json(text, fmt::format("read_safetensors: {}: the header", file_));
    if (!header.is_object()) fail<DataError>("read_safetensors: {}: the header is not a JSON object", file_);
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == metadata_key) {
        metadata = parse_metadata(value);
      } else {
        entries.push_back(parse_entry(name, value));
      }
    }
    return entries;
  }

 private:
  std::map<std::string, std::string> parse_metadata(const json& value) const {
    std::map<std::string, std::string> metadata;
    if (!value.is_object()) fail<DataError>("read_safetensors: {}: __metadata__ is not a JSON object", file_);
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) {
        fail<DataError>("read_safetensors: {}: __metadata__ has a {} at {} (valid: a string)", file_, text.type_name(),
                        detail::printable(key));
      }
      metadata[key] = text.get<std::string>();
    }
    return metadata;
  }

  [[noreturn]] void refuse(const std::string& name, std::string_view what, std::string_view valid) const {
    fail<DataError>("read_safetensors: {}: tensor {}: {} (valid: {})", file_, detail::printable(name), what, valid);
  }

  Entry parse_entry(const std::string& name, const json& value) const {
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
        !value.contains("data_offsets")) {
      refuse(name, "its entry has missing or unknown fields", "exactly dtype, shape, data_offsets");
    }
    Entry entry{name, parse_dtype(name, value["dtype"]), {}, 0, 0};
    const json &shape = value["shape"], &offsets = value["data_offsets"];
    if (!shape.is_array()) refuse(name, "its shape is not a list", "a list of integers");
    if (shape.size() > max_rank) {
      refuse(name, fmt::format("it has {} dimensions", shape.size()), fmt::format("up to {}", max_rank));
    }
    for (const json& size : shape) entry.shape.push_back(whole_number(name, "shape", size));
    if (!offsets.is_array() || offsets.size() != 2) refuse(name, "data_offsets is not a pair", "[begin, end]");
    entry.begin = static_cast<std::uint64_t>(whole_number(name, "data_offsets", offsets[0]));
    entry.end = static_cast<std::uint64_t>(whole_number(name, "data_offsets", offsets[1]));
    const auto needed = detail::byte_count(entry.shape, size_of(entry.dtype));
    if (entry.end < entry.begin || needed != entry.end - entry.begin) {
      refuse(name, fmt::format("data_offsets [{}, {}] do not fit", entry.begin, entry.end),
             fmt::format("end - begin = {} for shape {} of {}", needed ? fmt::format("{}", *needed) : "beyond 2^63",
                         entry.shape, name_of(entry.dtype)));
    }
    return entry;
  }

  DType parse_dtype(const std::string& name, const json& value) const {
    if (value.is_string()) {
      for (const Kind& kind : kinds) {
        if (kind.code == value.get_ref<const std::string&>()) return kind.dtype;
      }
    }
    refuse(name, fmt::format("dtype {}", detail::printable(value.dump(-1, ' ', true))), "BOOL, U8, I32, I64, F32, F64");
  }

  std::int64_t whole_number(const std::string& name, std::string_view field, const json& value) const {
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > largest) {
      refuse(name, fmt::format("{} has the entry {}", field, detail::printable(value.dump(-1, ' ', true))),
             "integers from 0 to 2^63 - 1");
    }
    return value.get<std::int64_t>();
  }

  std::string_view file_;
};

/// Sorts by place; throws unless the tensors cover [0, size) without gap or overlap.
void check_layout(std::vector<Entry>& entries, std::uint64_t size, std::string_view name) {
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::tie(entry.begin, entry.end, entry.name); });
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at) {
      fail<DataError>(
          "read_safetensors: {}: tensor {} begins at byte {} of the data, where {} was expected: the tensors "
          "{}",
          name, detail::printable(entry.name), entry.begin, at, entry.begin < at ? "overlap" : "leave a gap");
    }
    at = entry.end;
  }
  if (at != size) {
    fail<DataError>("read_safetensors: {}: there are {} bytes of data, but the tensors require {}{}", name, size, at,
                    at > size ? " (is the file truncated?)" : "");
  }
}

}  // namespace

SafeTensors parse_safetensors(std::string_view bytes, std::string_view name) {
  if (bytes.size() < 8) {
    fail<DataError>(
        "read_safetensors: {}: the file has {} bytes, fewer than the 8 bytes that store the length of the header", name,
        bytes.size());
  }
  const auto length = detail::load<std::uint64_t>(bytes.data(), std::endian::little);
  if (length > longest_header) {
    fail<DataError>(
        "read_safetensors: {}: the length of the header is {} bytes (valid: up to {}); is this a safetensors "
        "file?",
        name, length, longest_header);
  }
  if (length > bytes.size() - 8) {
    fail<DataError>(
        "read_safetensors: {}: the header should end at byte {}, but the file has {} bytes (is it truncated?)", name,
        8 + length, bytes.size());
  }
  if (length == 0 || bytes[8] != '{') fail<DataError>("read_safetensors: {}: byte 8 is not '{{'", name);
  SafeTensors content;
  auto entries = HeaderParser(name).parse(bytes.substr(8, length), content.metadata);
  const std::string_view data = bytes.substr(8 + length);
  check_layout(entries, data.size(), name);
  for (const Entry& entry : entries) {
    Array array = Array::empty(entry.shape, entry.dtype);
    if (array.bytes() > 0) std::memcpy(array.buffer.data(), data.data() + entry.begin, array.bytes());
    if (entry.dtype == DType::boolean) {
      detail::check_booleans(array, "read_safetensors", name, 8 + length + entry.begin);
    }
    detail::to_native(array.buffer.data(), static_cast<std::size_t>(array.size()), size_of(entry.dtype),
                      std::endian::little);
    content.tensors.emplace(entry.name, std::move(array));
  }
  return content;
}

SafeTensors read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_file(path), path.string());
}

std::string encode_safetensors(const SafeTensors& content) {
  static_assert(std::endian::native == std::endian::little, "elements are written as they lie in memory");
  std::vector<std::pair<std::string_view, const Array*>> order;
  for (const auto& [name, array] : content.tensors) {
    if (name == metadata_key) fail<ValueError>("write_safetensors: the name {} is reserved", metadata_key);
    if (is_narrow(array.dtype)) {
      fail<DTypeError>("write_safetensors: {} holds {} (valid: to(DType::float32) converts)", name,
                       name_of(array.dtype));
    }
    order.emplace_back(name, &array);
  }
  std::ranges::stable_sort(order, std::ranges::greater{}, [](const auto& item) { return rank_of(item.second->dtype); });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header[std::string(metadata_key)] = content.metadata;
  std::uint64_t at = 0;
  for (const auto& [name, array] : order) {
    header[std::string(name)] = {{"dtype", kinds[rank_of(array->dtype)].code},
                                 {"shape", std::vector<std::int64_t>(array->shape.begin(), array->shape.end())},
                                 {"data_offsets", {at, at + array->bytes()}}};
    at += array->bytes();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& error) {
    fail<ValueError>("write_safetensors: a name or metadata value is not UTF-8: {}", error.what());
  }
  text.append((8 - text.size() % 8) % 8, ' ');  // the data begins at a multiple of 8
  if (text.size() > longest_header) {
    fail<ValueError>("write_safetensors: the header has {} bytes (valid: up to {})", text.size(), longest_header);
  }
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  bytes.reserve(8 + length + at);
  bytes += text;
  for (const auto& [name, array] : order) bytes.append(static_cast<const char*>(array->buffer.data()), array->bytes());
  return bytes;
}

void write_safetensors(const std::filesystem::path& path, const SafeTensors& content) {
  write_file_atomically(path, encode_safetensors(content));
}

}  // namespace perdita::data
