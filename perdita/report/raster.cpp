#include "perdita/report/raster.hpp"

#include <dlfcn.h>

#include <cmath>
#include <cstddef>
#include <memory>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"

namespace perdita::report {
namespace {

// What is used of the interfaces of librsvg, cairo and GObject, whose packages for developers nobody has to install.
struct GError {
  unsigned int domain;
  int code;
  char* message;
};
struct RsvgRectangle {
  double x, y, width, height;
};
using Handle = void;
using Surface = void;
using Context = void;

struct Library {
  Handle* (*new_from_data)(const unsigned char* data, std::size_t size, GError** error) = nullptr;
  int (*size_in_pixels)(Handle* handle, double* width, double* height) = nullptr;
  int (*render)(Handle* handle, Context* context, const RsvgRectangle* viewport, GError** error) = nullptr;
  void (*unref)(void* object) = nullptr;
  void (*free_error)(GError* error) = nullptr;
  Surface* (*new_surface)(int format, int width, int height) = nullptr;
  Context* (*new_context)(Surface* surface) = nullptr;
  void (*free_context)(Context* context) = nullptr;
  void (*free_surface)(Surface* surface) = nullptr;
  int (*write_png)(Surface* surface, int (*write)(void* to, const unsigned char* bytes, unsigned int size),
                   void* to) = nullptr;
  bool is_complete = false;
};

Library load() {
  Library library;
  void* const opened = ::dlopen("librsvg-2.so.2", RTLD_LAZY | RTLD_LOCAL);  // and what it depends on, cairo among it
  if (opened == nullptr) return library;
  bool is_complete = true;
  const auto find = [&]<class Function>(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(::dlsym(opened, name));
    is_complete &= function != nullptr;
  };
  find(library.new_from_data, "rsvg_handle_new_from_data");
  find(library.size_in_pixels, "rsvg_handle_get_intrinsic_size_in_pixels");
  find(library.render, "rsvg_handle_render_document");
  find(library.unref, "g_object_unref");
  find(library.free_error, "g_error_free");
  find(library.new_surface, "cairo_image_surface_create");
  find(library.new_context, "cairo_create");
  find(library.free_context, "cairo_destroy");
  find(library.free_surface, "cairo_surface_destroy");
  find(library.write_png, "cairo_surface_write_to_png_stream");
  library.is_complete = is_complete;
  return library;
}

const Library& library() {
  static const Library loaded = load();
  return loaded;
}

/// Throws for what librsvg said.
[[noreturn]] void refuse(GError* error) {
  const std::unique_ptr<GError, void (*)(GError*)> owned(error, library().free_error);
  fail<Error>("rasterise: {}", error != nullptr ? error->message : "librsvg cannot draw this");
}

int append(void* to, const unsigned char* bytes, unsigned int size) {
  static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(bytes), size);
  return 0;
}

}  // namespace

bool can_rasterise() { return library().is_complete; }

std::string rasterise(std::string_view svg, double scale) {
  if (!(scale > 0 && scale <= 16)) fail<ValueError>("rasterise: scale is {} (valid: above 0, at most 16)", scale);
  if (!can_rasterise()) fail<Error>("rasterise: librsvg is not installed (valid: librsvg 2.52 or later)");
  const Library& lib = library();
  GError* error = nullptr;
  const std::unique_ptr<Handle, void (*)(void*)> handle(
      lib.new_from_data(reinterpret_cast<const unsigned char*>(svg.data()), svg.size(), &error), lib.unref);
  if (!handle) refuse(error);
  double width = 0, height = 0;
  if (lib.size_in_pixels(handle.get(), &width, &height) == 0) fail<Error>("rasterise: the SVG has no size in pixels");
  const RsvgRectangle viewport{0, 0, std::ceil(width * scale), std::ceil(height * scale)};
  constexpr int argb32 = 0;
  const std::unique_ptr<Surface, void (*)(Surface*)> surface(
      lib.new_surface(argb32, static_cast<int>(viewport.width), static_cast<int>(viewport.height)), lib.free_surface);
  const std::unique_ptr<Context, void (*)(Context*)> context(lib.new_context(surface.get()), lib.free_context);
  if (lib.render(handle.get(), context.get(), &viewport, &error) == 0) refuse(error);
  std::string png;
  if (const int status = lib.write_png(surface.get(), append, &png); status != 0) {
    fail<Error>("rasterise: cairo cannot write {} x {} pixels, status {}", viewport.width, viewport.height, status);
  }
  return png;
}

void write_chart(const std::string& svg, const std::filesystem::path& stem, const ChartFiles& files) {
  if (files.svg) write_file_atomically(stem.string() + ".svg", svg);
  if (files.png && can_rasterise()) write_file_atomically(stem.string() + ".png", rasterise(svg));
}

}  // namespace perdita::report
