#include "perdita/data/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "perdita/core/error.hpp"

namespace perdita::data::detail {

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

struct ByteReader::Inflater {
  z_stream stream{};
  bool at_end = false;  // of the last member

  Inflater() {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream, gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

ByteReader::ByteReader(std::string_view content, std::string operation, std::string file)
    : content_(content), operation_(std::move(operation)), file_(std::move(file)) {
  if (is_gzip(content_)) inflater_ = std::make_unique<Inflater>();
}

ByteReader::~ByteReader() = default;

std::uint64_t ByteReader::most_bytes() const {
  // Deflate spends at least two bits on 258 bytes: it can't expand more than 1032 times.
  return inflater_ ? std::uint64_t{1032} * content_.size() : content_.size();
}

std::size_t ByteReader::read(void* to, std::size_t count) {
  if (!inflater_) {
    const std::size_t taken = std::min(count, content_.size() - position_);
    if (taken > 0) std::memcpy(to, content_.data() + position_, taken);
    position_ += taken;
    return taken;
  }
  constexpr std::size_t step = std::numeric_limits<uInt>::max();
  z_stream& stream = inflater_->stream;
  std::size_t done = 0;
  while (done < count && !inflater_->at_end) {
    const std::size_t room = std::min(count - done, step), input = std::min(content_.size() - position_, step);
    stream.next_out = static_cast<Bytef*>(to) + done;
    stream.avail_out = static_cast<uInt>(room);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content_.data() + position_));
    stream.avail_in = static_cast<uInt>(input);
    const int status = inflate(&stream, Z_NO_FLUSH);
    position_ += input - stream.avail_in;
    done += room - stream.avail_out;
    if (status == Z_STREAM_END) {
      inflater_->at_end = !is_gzip(content_.substr(position_));
      inflateReset(&stream);
    } else if (status == Z_BUF_ERROR) {
      fail<DataError>("{}: {}: the gzip data ends unexpectedly at byte {} (is the file truncated?)", operation_, file_,
                      position_);
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status != Z_OK) {
      fail<DataError>("{}: {}: corrupt gzip data near byte {}: {}", operation_, file_, position_,
                      stream.msg ? stream.msg : "unknown reason");
    }
  }
  return done;
}

std::string read_gzip_text(std::string_view content, std::string operation, std::string file) {
  constexpr std::size_t block = std::size_t{1} << 20, most_ratio = 200;
  const std::size_t most = 16 * block + most_ratio * content.size();
  ByteReader reader(content, operation, file);
  std::string text;
  for (std::size_t size = 0;;) {
    text.resize(size + std::max(block, size));
    size += reader.read(text.data() + size, text.size() - size);
    if (size > most) {
      fail<DataError>(
          "{}: {}: the gzip data has more than {} bytes of text, {} times its size (valid: after gunzip, if this is "
          "intended)",
          operation, file, most, most_ratio);
    }
    if (size < text.size()) {
      text.resize(size);
      return text;
    }
  }
}

}  // namespace perdita::data::detail
