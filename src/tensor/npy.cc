#include "tensor/npy.h"

#include <fmt/format.h>

#include <string_view>

namespace lapidary::tensor {
namespace {

constexpr size_t kAlignment = 64;  // of the values, so that a file can be mapped

// NumPy's name of a dtype; empty for those that are not written.
std::string_view descr_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
      return "<f4";
    case DType::kInt64:
      return "<i8";
    case DType::kBool:
      return "|b1";
    default:
      return {};
  }
}

// A Python tuple: "()", "(3,)", "(3, 4)".
std::string tuple_of(const Shape& shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

}  // namespace

Result<std::string> npy_bytes(const TensorType& type, std::span<const std::byte> values) {
  const std::string_view descr = descr_of(type.dtype);
  if (descr.empty()) {
    return unsupported("npy", fmt::format("has no writer for {}", name_of(type.dtype)));
  }
  if (static_cast<int64_t>(values.size()) != bytes_of(type.dtype, type.elements())) {
    return internal_error("npy", fmt::format("{} bytes for {}{}", values.size(),
                                             name_of(type.dtype), to_string(type.shape)));
  }
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}",
                                   descr, tuple_of(type.shape));
  std::string file("\x93NUMPY\x01\x00", 8);
  const size_t unpadded = file.size() + 2 + header.size() + 1;
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  header += '\n';
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  file.append(reinterpret_cast<const char*>(values.data()), values.size());
  return file;
}

}  // namespace lapidary::tensor
