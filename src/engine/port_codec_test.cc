#include "engine/port_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace lapidary::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PortCodec codec(const std::string& dtype, double scale, int64_t zero_point) {
  return PortCodec::create(dtype, package::PortEncoding{scale, zero_point}, "port").value();
}

template <typename T>
std::vector<T> encoded(const PortCodec& codec, const std::vector<float>& values) {
  EXPECT_EQ(codec.element_bytes(), sizeof(T));
  std::vector<T> out(values.size());
  codec.encode(values, std::as_writable_bytes(std::span(out)).data());
  return out;
}

// As ONNX Runtime's own QuantizeLinear, or the graph would see other numbers than in calibration.
TEST(PortCodec, RoundsToEvenAndSaturates) {
  EXPECT_THAT(encoded<uint16_t>(codec("uint16", 0.5, 10), {0, 0.25F, 0.75F, -0.25F, 1, -5, -6}),
              ElementsAre(10, 10, 12, 10, 12, 0, 0));
  EXPECT_THAT(encoded<uint16_t>(codec("uint16", 1, 0), {65534.5F, 65535.5F, 1e30F, -1e30F}),
              ElementsAre(65534, 65535, 65535, 0));
  EXPECT_THAT(encoded<int16_t>(codec("int16", 2, 0), {3, 5, -3, -65536, 65534, 1e30F}),
              ElementsAre(2, 2, -2, -32768, 32767, 32767));
  EXPECT_THAT(encoded<uint8_t>(codec("uint8", 1, 128), {0, 127, 128, -128, -129}),
              ElementsAre(128, 255, 255, 0, 0));
  EXPECT_THAT(encoded<int8_t>(codec("int8", 1, 0), {2.5F, 3.5F, 500, -500}),
              ElementsAre(2, 4, 127, -128));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(encoded<uint8_t>(codec("uint8", 1, 3), {nan}), ElementsAre(0));
}

TEST(PortCodec, DecodesWhatItEncodes) {
  const std::vector<float> values = {-3.25F, 0, 0.5F, 100};
  for (const char* dtype : {"uint16", "int16", "float32", "float16"}) {
    const bool integer = std::string(dtype).find("int") != std::string::npos;
    const PortCodec one =
        integer ? codec(dtype, 0.25, 1000) : PortCodec::create(dtype, {}, "port").value();
    std::vector<std::byte> elements(values.size() * one.element_bytes());
    one.encode(values, elements.data());
    std::vector<float> back(values.size());
    one.decode(elements.data(), back);
    EXPECT_EQ(back, values) << dtype;
  }
}

TEST(PortCodec, RefusesWhatHasNoMeaning) {
  using package::PortEncoding;
  const auto message = [](const std::string& dtype, std::optional<PortEncoding> encoding) {
    const auto made = PortCodec::create(dtype, encoding, "input 'x'");
    return made.ok() ? "" : made.error().message();
  };
  EXPECT_THAT(message("uint16", {}), HasSubstr("input 'x': is uint16, but has no encoding"));
  EXPECT_THAT(message("float32", PortEncoding{1, 0}), HasSubstr("has an encoding"));
  EXPECT_THAT(message("int64", PortEncoding{1, 0}), HasSubstr("int64"));
  EXPECT_THAT(message("", {}), HasSubstr("no static decoder"));
  EXPECT_THAT(message("uint8", PortEncoding{1, 256}), HasSubstr("cannot have"));
  EXPECT_THAT(message("uint8", PortEncoding{1e-60, 0}), HasSubstr("cannot have"));
}

}  // namespace
}  // namespace lapidary::engine
