#include "perdita/core/dtype.hpp"

namespace perdita {

std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::float64:
      return "float64";
    case DType::int64:
      return "int64";
    case DType::int32:
      return "int32";
    case DType::uint8:
      return "uint8";
    case DType::boolean:
      return "bool";
    case DType::bfloat16:
      return "bfloat16";
    case DType::float16:
      return "float16";
  }
  return "unknown";
}

namespace {
int rank_of(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return 0;
    case DType::uint8:
      return 1;
    case DType::int32:
      return 2;
    case DType::int64:
      return 3;
    case DType::bfloat16:
    case DType::float16:
      return 4;
    case DType::float32:
      return 5;
    case DType::float64:
      return 6;
  }
  return 6;
}
}  // namespace

DType promote(DType a, DType b) {
  if (is_narrow(a) && is_narrow(b) && a != b) return DType::float32;
  return rank_of(a) >= rank_of(b) ? a : b;
}

}  // namespace perdita
