// Charts as PNG files, drawn by librsvg where it is installed: it is looked for when a chart is drawn, and not before,
// so that neither the library nor a program that draws none needs it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace perdita::report {

/// Whether librsvg-2.so.2 (2.52 or later) can be loaded. The first call looks.
bool can_rasterise();

/// The bytes of a PNG file of an SVG file, `scale` pixels a unit. Throws Error where librsvg is missing or the text is
/// no SVG, ValueError unless 0 < scale <= 16.
std::string rasterise(std::string_view svg, double scale = 2);

/// Which files a chart becomes.
struct ChartFiles {
  bool svg = true, png = true;

  friend bool operator==(const ChartFiles&, const ChartFiles&) = default;
};

/// Writes `stem`.svg and `stem`.png as `files` says, each atomically; no PNG where librsvg is missing. Throws
/// FileError.
void write_chart(const std::string& svg, const std::filesystem::path& stem, const ChartFiles& files);

}  // namespace perdita::report
