#include <algorithm>
#include <cstring>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/npy_header.hpp"
#include "perdita/data/row_readers.hpp"

namespace perdita::data::detail {

namespace {

constexpr std::size_t longest_preamble = std::size_t{1} << 20;

/// Reads the preamble through read(offset, to, count); returns the header and where the elements begin.
template <class Read>
std::pair<NpyHeader, std::size_t> read_header(const Read& read, const std::string& name) {
  std::string bytes(npy_prefix_bytes, '\0');
  bytes.resize(read(0, bytes.data(), bytes.size()));
  const std::size_t length = npy_preamble_bytes(bytes, name);
  if (length > longest_preamble)
    fail<DataError>("read_npy: {}: the header has {} bytes (valid: up to 1 MiB)", name, length);
  const std::size_t known = bytes.size();
  bytes.resize(std::max(length, known));
  if (length > known) bytes.resize(known + read(known, bytes.data() + known, length - known));
  return {parse_npy_dict(read_npy_preamble(bytes, name).dict, name), length};
}

/// What the readers of NPY share: shape and type from the header, elements made native.
class NpyRows : public RowReader {
 protected:
  NpyRows(const NpyHeader& header, std::string file) : header_(header) {
    name = std::move(file);
    dtype = header.dtype;
    if (header.shape.rank() < 1) fail<DataError>("read_npy: {}: the array has shape [] (valid: [N, ...])", name);
    rows = header.shape[0];
    row_shape = header.shape;
    row_shape.erase(0);
    if (!byte_count(header.shape, size_of(dtype))) {
      fail<DataError>(
          "read_npy: {}: shape {} of {} requires more bytes than any file can contain (is the header corrupt?)", name,
          header.shape, name_of(dtype));
    }
  }
  bool is_column_major() const { return header_.fortran_order && header_.shape.rank() > 1; }
  std::uint64_t element_bytes() const { return static_cast<std::uint64_t>(*rows * row_bytes()); }

  void make_native(std::int64_t first, std::int64_t count, void* elements) const {
    const auto number = static_cast<std::size_t>(count * row_elements());
    if (dtype == DType::boolean) {
      const auto* const bytes = static_cast<const unsigned char*>(elements);
      const auto* const bad = std::find_if(bytes, bytes + number, [](unsigned char byte) { return byte > 1; });
      if (bad != bytes + number) {
        fail<DataError>("read_npy: {}: row {} of the bool array contains {} (valid: 0, 1)", name,
                        first + (bad - bytes) / row_elements(), *bad);
      }
    }
    to_native(elements, number, size_of(dtype), header_.order);
  }

  NpyHeader header_;
};

class NpyFileRows : public NpyRows {
 public:
  NpyFileRows(std::shared_ptr<const InputFile> file, std::uint64_t data_at, std::uint64_t present,
              const NpyHeader& header, std::string file_name)
      : NpyRows(header, std::move(file_name)), file_(std::move(file)), data_at_(data_at) {
    any_order = true;
    if (element_bytes() != present) {
      fail<DataError>("read_npy: {}: there are {} bytes of data, but shape {} of {} requires {}{}", name, present,
                      header.shape, name_of(dtype), element_bytes(),
                      element_bytes() > present ? " (is the file truncated?)" : "");
    }
    if (is_column_major() && header.shape.rank() != 2) {
      fail<DataError>(
          "read_npy: {}: the array of shape {} is in Fortran order (valid: C order; use numpy.ascontiguousarray)", name,
          header.shape);
    }
  }

  std::int64_t read(std::int64_t first, std::int64_t count, void* to) override {
    count = std::clamp<std::int64_t>(*rows - first, 0, count);
    if (is_column_major())
      read_columns(first, count, static_cast<char*>(to));
    else
      read_bytes(static_cast<std::uint64_t>(first * row_bytes()), to, static_cast<std::size_t>(count * row_bytes()));
    make_native(first, count, to);
    return count;
  }

 private:
  void read_bytes(std::uint64_t offset, void* to, std::size_t count) const {
    if (file_->read(data_at_ + offset, to, count) != count)
      fail<DataError>("read_npy: {}: the file was truncated while it was being read", name);
  }
  void read_columns(std::int64_t first, std::int64_t count, char* to) const {
    const std::size_t width = size_of(dtype);
    std::vector<char> column(static_cast<std::size_t>(count) * width);
    for (std::int64_t c = 0; c < row_elements(); ++c) {
      read_bytes(static_cast<std::uint64_t>(c * *rows + first) * width, column.data(), column.size());
      char* at = to + static_cast<std::size_t>(c) * width;
      for (std::size_t i = 0; i < column.size(); i += width, at += row_bytes()) std::memcpy(at, &column[i], width);
    }
  }

  std::shared_ptr<const InputFile> file_;
  std::uint64_t data_at_;
};

class NpyStreamRows : public NpyRows {
 public:
  NpyStreamRows(std::unique_ptr<ByteStream> stream, const NpyHeader& header, std::string stream_name)
      : NpyRows(header, std::move(stream_name)), stream_(std::move(stream)) {
    // Only a pipe can hold more than it is known to; a row of it is bounded, because memory is taken for some rows.
    constexpr std::int64_t most_row_bytes = std::int64_t{1} << 20;
    const std::uint64_t most = stream_->most_bytes();
    if (element_bytes() > most || (most > std::uint64_t{1} << 62 && row_bytes() > most_row_bytes)) {
      fail<DataError>(
          "read_npy: {}: shape {} of {} requires {} bytes, more than {}", name, header.shape, name_of(dtype),
          element_bytes(),
          element_bytes() > most ? "the file can contain (is it truncated?)" : "the 1 MiB per row allowed for pipes");
    }
    if (is_column_major()) {
      fail<DataError>(
          "read_npy: {}: compressed files and pipes cannot be read in Fortran order (valid: C order, by "
          "numpy.ascontiguousarray; or an NPY file)",
          name);
    }
  }

  std::int64_t read(std::int64_t first, std::int64_t count, void* to) override {
    count = std::clamp<std::int64_t>(*rows - first, 0, count);
    const auto wanted = static_cast<std::size_t>(count * row_bytes());
    const std::size_t got = stream_->read(to, wanted);
    if (got != wanted) {
      fail<DataError>("read_npy: {}: the file ends within row {} of {} (is it truncated?)", name,
                      first + static_cast<std::int64_t>(got) / std::max<std::int64_t>(1, row_bytes()), *rows);
    }
    make_native(first, count, to);
    if (char more; first + count == *rows && count > 0 && stream_->read(&more, 1) > 0)
      fail<DataError>("read_npy: {}: the file continues after its {} rows", name, *rows);
    return count;
  }

 private:
  std::unique_ptr<ByteStream> stream_;
};

}  // namespace

std::unique_ptr<RowReader> npy_rows(std::shared_ptr<const InputFile> file, std::uint64_t offset, std::uint64_t size,
                                    std::string name) {
  const auto [header, data_at] = read_header(
      [&](std::size_t at, void* to, std::size_t count) {
        return file->read(offset + at, to, std::min<std::size_t>(count, size - std::min<std::uint64_t>(at, size)));
      },
      name);
  return std::make_unique<NpyFileRows>(std::move(file), offset + data_at, size - data_at, header, std::move(name));
}

std::unique_ptr<RowReader> npy_rows(std::unique_ptr<ByteStream> stream, std::string name) {
  const NpyHeader header =
      read_header([&](std::size_t, void* to, std::size_t count) { return stream->read(to, count); }, name).first;
  return std::make_unique<NpyStreamRows>(std::move(stream), header, std::move(name));
}

}  // namespace perdita::data::detail
