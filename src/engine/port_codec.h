// The values of a graph's port in the type that the port has: floats of 32 or 16 bits, or integers
// with an encoding.
//
//   LAP_ASSIGN_OR_RETURN(const PortCodec codec, PortCodec::create("uint16", encoding, "masks"));
//   codec.encode(floats, buffer);
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "ort/session.h"
#include "package/manifest.h"

namespace lapidary::engine {

class PortCodec {
 public:
  // `dtype` as ports spell it. Error: kBadInput with `where` for a dtype that holds no such values,
  // and for integers without an encoding.
  static Result<PortCodec> create(const std::string& dtype,
                                  const std::optional<package::PortEncoding>& encoding,
                                  const std::string& where);

  DType type() const { return type_; }
  size_t element_bytes() const { return lapidary::element_bytes(type_); }
  // As ONNX's QuantizeLinear: round(value / scale) to even + zero point, saturated. `out` holds
  // values.size() elements.
  void encode(std::span<const float> values, std::byte* out) const;
  void decode(const std::byte* elements, std::span<float> out) const;
  bool operator==(const PortCodec&) const = default;

 private:
  PortCodec(DType type, const package::PortEncoding& encoding);

  DType type_;
  float scale_;
  int32_t zero_point_;
};

}  // namespace lapidary::engine
