// safetensors, the format of model files: the length of a JSON header, the header, the elements of all tensors.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "perdita/core/array.hpp"

namespace perdita::data {

/// What a safetensors file holds.
struct SafeTensors {
  std::map<std::string, Array> tensors;
  std::map<std::string, std::string> metadata;  ///< the free-text map `__metadata__`
};

/// Reads a file. Throws FileError when it cannot be read, DataError that names the file and the tensor or byte when
/// the header is malformed, has a tensor of a type we lack (valid: BOOL, U8, I32, I64, F32, F64), or when its offsets
/// do not cover the file exactly, each byte once.
SafeTensors read_safetensors(const std::filesystem::path& path);

/// The same from bytes in memory; `name` stands for the file in messages.
SafeTensors parse_safetensors(std::string_view bytes, std::string_view name);

/// The file's bytes, a function of the content alone: tensors in the order of the format's reference writer (widest
/// elements first, then by name), which keeps each aligned. Throws ValueError for a tensor named `__metadata__` or a
/// name or text that is not UTF-8.
std::string encode_safetensors(const SafeTensors& content);

/// Writes encode_safetensors(content); the file is the old one or the new one, never half of it. Throws FileError.
void write_safetensors(const std::filesystem::path& path, const SafeTensors& content);

}  // namespace perdita::data
