// Selection of rows of an array by index, used to create batches.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "perdita/core/array.hpp"
#include "perdita/data/dataset.hpp"

namespace perdita::data::detail {

/// What each of the 256 pixel values becomes: rounded once, and the same on every machine. Vectorised arithmetic was
/// measured at 24 ms for 60,000 x 784 pixels against 37 ms; memory, not the look-up, sets the pace.
using PixelTable = std::array<float, 256>;
PixelTable pixel_table(const PixelScale& scale);

/// An uninitialised array for `count` rows of an array like `source` [N, ...].
Array empty_rows(const Array& source, std::int64_t count, DType dtype);

/// Copies rows of `source`, in the order of `rows`, which must be in range, to an array made by empty_rows().
void gather_rows(const Array& source, std::span<const std::int64_t> rows, const Array& to);

/// The same from uint8 to float32, through the table.
void gather_pixels(const Array& source, std::span<const std::int64_t> rows, const PixelTable& table, const Array& to);

/// Throws IndexError that names `operation` unless every row is in [0, count).
void check_rows(std::span<const std::int64_t> rows, std::int64_t count, std::string_view operation);

}  // namespace perdita::data::detail
