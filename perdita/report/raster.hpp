// Charts as PNG files, drawn by librsvg if it is installed. It is loaded when a chart is drawn, so that neither the
// library nor programs without PNG charts depend on it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace perdita::report {

/// Whether librsvg-2.so.2 (2.52 or later) can be loaded; determined in the first call.
bool can_rasterise();

/// Converts SVG to the bytes of a PNG file with `scale` pixels per unit. Throws Error if librsvg is missing or the text
/// is not SVG, ValueError unless 0 < scale <= 16.
std::string rasterise(std::string_view svg, double scale = 2);

/// File formats of a chart.
struct ChartFiles {
  bool svg = true, png = true;

  friend bool operator==(const ChartFiles&, const ChartFiles&) = default;
};

/// Writes `stem`.svg and `stem`.png according to `files`, each atomically; no PNG if librsvg is missing. Throws
/// FileError.
void write_chart(const std::string& svg, const std::filesystem::path& stem, const ChartFiles& files);

}  // namespace perdita::report
