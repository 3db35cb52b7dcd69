// CRC-32C, the checksum of TFRecord files.
#pragma once

#include <cstdint>
#include <string_view>

namespace perdita {

/// CRC-32C (Castagnoli), of reflected polynomial 0x82F63B78.
std::uint32_t crc32c(std::string_view bytes);

/// As the TFRecord format stores it, so that a record may contain records.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace perdita
