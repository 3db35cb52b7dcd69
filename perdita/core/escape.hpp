// Escapes for text of unknown origin that is shown on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace perdita {

/// Whether line breaks are part of the text, as in a table, or come from a foreign name and are escaped.
enum class LineBreaks { escape, keep };

/// The text with control characters, characters that reorder or break lines, and bytes that are not UTF-8 written as
/// escapes: \n, \x1b, \u202e. What is safe already stays as it is.
std::string escape_controls(std::string_view text, LineBreaks breaks = LineBreaks::escape);

/// Whether the bytes are well-formed UTF-8.
bool is_utf8(std::string_view text);

}  // namespace perdita
