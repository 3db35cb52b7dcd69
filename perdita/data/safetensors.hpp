// safetensors, the format of model files: the length of a JSON header, the header, the elements of all tensors.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "perdita/core/array.hpp"

namespace perdita::data {

/// Contents of a safetensors file.
struct SafeTensors {
  std::map<std::string, Array> tensors;
  std::map<std::string, std::string> metadata;  ///< the free-text map `__metadata__`
};

/// Reads a file. Throws FileError if it cannot be read, DataError that names the file and the tensor or byte if the
/// header is malformed, has a tensor of an unsupported type (valid: BOOL, U8, I32, I64, F32, F64), or if its offsets do
/// not cover each byte of the file exactly once.
SafeTensors read_safetensors(const std::filesystem::path& path);

/// The same for bytes in memory; `name` is used in messages instead of the file.
SafeTensors parse_safetensors(std::string_view bytes, std::string_view name);

/// The bytes of the file, which depend only on the content. The tensors have the order of the reference implementation
/// (widest elements first, then by name), which keeps them aligned. Throws ValueError for a tensor named
/// `__metadata__`, and for a name or text that is not UTF-8.
std::string encode_safetensors(const SafeTensors& content);

/// Writes encode_safetensors(content) atomically. Throws FileError.
void write_safetensors(const std::filesystem::path& path, const SafeTensors& content);

}  // namespace perdita::data
