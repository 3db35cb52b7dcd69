#include "perdita/data/byte_stream.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "perdita/core/error.hpp"

namespace perdita::data::detail {

namespace {

class FileStream : public ByteStream {
 public:
  FileStream(std::shared_ptr<const InputFile> file, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), at_(offset), left_(size) {}

  std::size_t read(void* to, std::size_t count) override {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(count, left_));
    const std::size_t got = file_->read(at_, to, wanted);
    at_ += got;
    left_ -= got;
    return got;
  }
  std::uint64_t most_bytes() const override {
    if (!file_->is_regular()) return left_;  // a pipe does not say how much will come
    return std::min(left_, file_->size() - std::min(at_, file_->size()));
  }

 private:
  std::shared_ptr<const InputFile> file_;
  std::uint64_t at_, left_;
};

class InflatedStream : public ByteStream {
 public:
  InflatedStream(std::unique_ptr<ByteStream> packed, std::uint64_t size, std::uint32_t crc, std::string name)
      : packed_(std::move(packed)), left_(size), wanted_crc_(crc), name_(std::move(name)) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~InflatedStream() override { inflateEnd(&stream_); }
  InflatedStream(const InflatedStream&) = delete;
  InflatedStream& operator=(const InflatedStream&) = delete;

  std::size_t read(void* to, std::size_t count) override {
    auto* const bytes = static_cast<Bytef*>(to);
    std::size_t done = 0;
    while (done < count && !at_end_) {
      constexpr std::size_t most = std::numeric_limits<uInt>::max();
      const std::size_t room = std::min(count - done, most);
      stream_.next_out = bytes + done;
      stream_.avail_out = static_cast<uInt>(room);
      step();
      const std::size_t got = room - stream_.avail_out;
      crc_ = crc32_z(crc_, bytes + done, got);
      done += got;
      if (got > left_) refuse("is larger than the size in the ZIP directory");
      left_ -= got;
    }
    if (at_end_ && !checked_) check_end();
    return done;
  }
  std::uint64_t most_bytes() const override {
    // Deflate spends at least two bits on 258 bytes.
    constexpr std::uint64_t most_ratio = 1032;
    const std::uint64_t packed = packed_->most_bytes() + stream_.avail_in;
    return packed > left_ ? left_ : std::min(left_, most_ratio * packed);
  }

 private:
  void step() {
    if (stream_.avail_in == 0 && !packed_ended_) {
      stream_.next_in = buffer_.data();
      stream_.avail_in = static_cast<uInt>(packed_->read(buffer_.data(), buffer_.size()));
      packed_ended_ = stream_.avail_in == 0;
    }
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      at_end_ = true;
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status == Z_BUF_ERROR) {
      if (packed_ended_) refuse("ends too early (is the file truncated?)");
    } else if (status != Z_OK) {
      refuse(stream_.msg ? stream_.msg : "is corrupt");
    }
  }
  void check_end() {
    checked_ = true;
    if (left_ > 0) refuse("ends too early (is the file truncated?)");
    if (crc_ != wanted_crc_) refuse("is corrupt: its checksum does not match");
  }
  [[noreturn]] void refuse(const char* what) const {
    fail<DataError>("read_npz: {}: the deflated data {}", name_, what);
  }

  std::unique_ptr<ByteStream> packed_;
  std::uint64_t left_;
  uLong crc_ = 0;
  std::uint32_t wanted_crc_;
  std::string name_;
  z_stream stream_{};
  std::vector<Bytef> buffer_ = std::vector<Bytef>(std::size_t{1} << 16);
  bool packed_ended_ = false, at_end_ = false, checked_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> file_stream(std::shared_ptr<const InputFile> file, std::uint64_t offset,
                                        std::uint64_t size) {
  return std::make_unique<FileStream>(std::move(file), offset, size);
}

std::unique_ptr<ByteStream> inflated_stream(std::unique_ptr<ByteStream> packed, std::uint64_t size, std::uint32_t crc,
                                            std::string name) {
  return std::make_unique<InflatedStream>(std::move(packed), size, crc, std::move(name));
}

}  // namespace perdita::data::detail
