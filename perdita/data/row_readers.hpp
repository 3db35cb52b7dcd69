// The readers behind open_rows(), one for each format.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "perdita/core/file.hpp"
#include "perdita/data/byte_stream.hpp"
#include "perdita/data/rows.hpp"

namespace perdita::data::detail {

/// FILE and what follows its colon, where the whole is not itself a file.
std::pair<std::filesystem::path, std::string> split_spec(const std::string& spec);

/// An NPY file that begins at `offset` of `file` and is `size` bytes long.
std::unique_ptr<RowReader> npy_rows(std::shared_ptr<const InputFile> file, std::uint64_t offset, std::uint64_t size,
                                    std::string name);
/// An NPY file that comes from front to back.
std::unique_ptr<RowReader> npy_rows(std::unique_ptr<ByteStream> stream, std::string name);

/// Text with columns of numbers; `column` is one of them, or empty for all.
std::unique_ptr<RowReader> csv_rows(std::shared_ptr<const InputFile> file, const std::string& column,
                                    const RowOptions& options);

}  // namespace perdita::data::detail
