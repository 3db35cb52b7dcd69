// The one exception family. A message reads `operation: what is wrong, what was found, what is valid`.
#pragma once

#include <fmt/core.h>

#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace perdita {

/// Everything Perdita throws derives from this.
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An argument has the wrong shape, rank or number of elements.
class ShapeError : public Error {
  using Error::Error;
};

/// An argument has the wrong element type.
class DTypeError : public Error {
  using Error::Error;
};

/// An argument, option or element has a value outside its domain.
class ValueError : public Error {
  using Error::Error;
};

/// An index (class label, dimension, position) is out of range.
class IndexError : public Error {
  using Error::Error;
};

/// Autograd was asked for something its graph cannot give.
class GraphError : public Error {
  using Error::Error;
};

/// A file is malformed: truncated, foreign, or with values that cannot be read.
class DataError : public Error {
  using Error::Error;
};

/// The operating system refused: a missing file, an unwritable folder, a full disk.
class FileError : public Error {
  using Error::Error;
};

/// A computation left the finite numbers where it must not, as a diverging training run does.
class NumericalError : public Error {
  using Error::Error;
};

namespace detail {

/// The type of an argument as messages show it: numbers by value.
template <class T>
using Shown = std::conditional_t<std::is_floating_point_v<std::remove_cvref_t<T>>, std::remove_cvref_t<T>, T>;

/// The argument, and NaN without its sign, which processors set or not.
template <class T>
decltype(auto) shown(T&& argument) {
  if constexpr (std::is_floating_point_v<std::remove_cvref_t<T>>)
    return argument != argument ? std::numeric_limits<std::remove_cvref_t<T>>::quiet_NaN() : Shown<T>(argument);
  else
    return std::forward<T>(argument);
}

}  // namespace detail

/// Throws E with a formatted message.
template <class E, class... Args>
[[noreturn]] void fail(fmt::format_string<detail::Shown<Args>...> message, Args&&... args) {
  throw E(fmt::format(message, detail::shown(std::forward<Args>(args))...));
}

}  // namespace perdita
