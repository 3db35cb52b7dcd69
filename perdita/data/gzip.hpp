// The bytes of a file, decompressed on the way when they are gzip.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace perdita::data::detail {

/// Whether the bytes begin as a gzip file does.
bool is_gzip(std::string_view bytes);

/// Reads `content` from front to back; gzip (of one or several members) is recognised by its first bytes.
class ByteReader {
 public:
  /// `content` must outlive the reader; `operation` and `file` are for messages.
  ByteReader(std::string_view content, std::string operation, std::string file);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  /// Fills up to `count` bytes; fewer only at the end. Throws DataError where the gzip data is corrupt or cut off.
  std::size_t read(void* to, std::size_t count);

  /// No more than this can come out: what a header claims is checked against it before memory is taken.
  std::uint64_t most_bytes() const;

 private:
  struct Inflater;
  std::string_view content_;
  std::string operation_, file_;
  std::size_t position_ = 0;
  std::unique_ptr<Inflater> inflater_;  // empty for plain bytes
};

/// The decompressed text. Throws DataError as ByteReader::read(), and if there is much more text than texts of that
/// compressed size have.
std::string read_gzip_text(std::string_view content, std::string operation, std::string file);

}  // namespace perdita::data::detail
