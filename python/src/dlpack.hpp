// The structures of DLPack 1.x that arrays travel in between libraries, as its specification lays them out
// (https://dmlc.github.io/dlpack/latest/c_api.html), and the table of functions a type offers as
// __dlpack_c_exchange_api__.
#pragma once

#include <cstdint>

namespace perdita::python::dlpack {

enum class TypeCode : std::uint8_t {
  integer = 0,
  unsigned_integer = 1,
  floating = 2,
  bfloat = 4,
  complex = 5,
  boolean = 6
};
inline constexpr std::int32_t cpu_device = 1;

struct Version {
  std::uint32_t major, minor;
};

struct Device {
  std::int32_t type, id;
};

struct DataType {
  TypeCode code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct TensorView {
  void* data;
  Device device;
  std::int32_t rank;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; may be null for dense arrays
  std::uint64_t byte_offset;
};

/// What a capsule named "dltensor" holds.
struct ManagedTensor {
  TensorView view;
  void* context;
  void (*release)(ManagedTensor*);
};

/// What a capsule named "dltensor_versioned" holds.
struct VersionedTensor {
  Version version;
  void* context;
  void (*release)(VersionedTensor*);
  std::uint64_t flags;
  TensorView view;
};

struct ExchangeApi {
  Version version;
  ExchangeApi* previous;
  int (*allocate)(TensorView*, VersionedTensor**, void*, void (*)(void*, const char*, const char*));
  int (*from_object)(void* object, VersionedTensor** out);
  int (*to_object)(VersionedTensor* tensor, void** out);
  int (*view_object)(void* object, TensorView* out);  // may be null
  int (*current_stream)(std::int32_t, std::int32_t, void**);
};

}  // namespace perdita::python::dlpack
