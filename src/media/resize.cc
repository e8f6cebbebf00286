#include "media/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace lapidary::media {
namespace {

double bilinear(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

double bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * kA;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0; }

struct Kernel {
  double (*value)(double);
  double support;
};

Kernel kernel_of(Resample filter) {
  switch (filter) {
    case Resample::kLanczos:
      return {lanczos, 3.0};
    case Resample::kBilinear:
      return {bilinear, 1.0};
    default:
      return {bicubic, 2.0};
  }
}

// One axis: which source pixels make each pixel of the result, and how much of each.
struct Taps {
  struct Range {
    int64_t first = 0;
    int64_t count = 0;
  };
  const int16_t* weights_of(int64_t i) const { return weights.data() + i * stride; }

  std::vector<Range> ranges;
  std::vector<int16_t> weights;  // [ranges, stride], in units of 2^-precision
  int64_t stride = 0;
  int precision = 0;
};

constexpr int kMaxPrecision = 22;  // 8 bits of pixel and 2 of overshoot still fit 32

int precision_for(double greatest) {
  int precision = 0;
  while (precision < kMaxPrecision &&
         std::floor(greatest * static_cast<double>(1 << (precision + 1)) + 0.5) < 0x1p15) {
    ++precision;
  }
  return precision;
}

int64_t whole(double value) { return static_cast<int64_t>(std::floor(value)); }

Taps taps_for(int64_t in, int64_t out, const Kernel& kernel) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0);  // reducing, the kernel spans more source pixels
  const double support = kernel.support * stretch;
  Taps taps;
  taps.stride = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  taps.ranges.resize(static_cast<size_t>(out));
  std::vector<double> weights(static_cast<size_t>(out * taps.stride), 0.0);
  double greatest = 0.0;
  for (int64_t i = 0; i < out; ++i) {
    const double center = scale * (static_cast<double>(i) + 0.5);
    const int64_t first = std::max(whole(center - support + 0.5), int64_t{0});
    const int64_t end = std::min(whole(center + support + 0.5), in);
    const int64_t count = std::clamp(end - first, int64_t{0}, taps.stride);
    double* w = weights.data() + i * taps.stride;
    double sum = 0.0;
    for (int64_t j = 0; j < count; ++j) {
      w[j] = kernel.value((static_cast<double>(j + first) - center + 0.5) * (1.0 / stretch));
      sum += w[j];
    }
    for (int64_t j = 0; j < count; ++j) {
      if (sum != 0.0) w[j] /= sum;
      greatest = std::max(greatest, w[j]);
    }
    taps.ranges[static_cast<size_t>(i)] = {first, count};
  }
  taps.precision = precision_for(greatest);
  taps.weights.reserve(weights.size());
  for (const double w : weights) {
    const double scaled = w * static_cast<double>(1 << taps.precision);
    taps.weights.push_back(static_cast<int16_t>(scaled + (w < 0.0 ? -0.5 : 0.5)));
  }
  return taps;
}

uint8_t to_byte(int32_t sum, int precision) {
  return static_cast<uint8_t>(std::clamp(sum >> precision, 0, 255));
}

Image resize_rows(const Image& image, int64_t width, const Kernel& kernel) {
  const Taps taps = taps_for(image.width, width, kernel);
  Image out{.width = width, .height = image.height, .rgb = {}};
  out.rgb.resize(static_cast<size_t>(width * image.height * 3));
  const int32_t half = 1 << (taps.precision - 1);
  uint8_t* to = out.rgb.data();
  for (int64_t y = 0; y < image.height; ++y) {
    const uint8_t* row = image.rgb.data() + y * image.width * 3;
    for (int64_t x = 0; x < width; ++x, to += 3) {
      const auto [first, count] = taps.ranges[static_cast<size_t>(x)];
      const int16_t* weights = taps.weights_of(x);
      const uint8_t* from = row + first * 3;
      int32_t r = half;
      int32_t g = half;
      int32_t b = half;
      for (int64_t j = 0; j < count; ++j, from += 3) {
        const int32_t w = weights[j];
        r += w * from[0];
        g += w * from[1];
        b += w * from[2];
      }
      to[0] = to_byte(r, taps.precision);
      to[1] = to_byte(g, taps.precision);
      to[2] = to_byte(b, taps.precision);
    }
  }
  return out;
}

Image resize_columns(const Image& image, int64_t height, const Kernel& kernel) {
  const Taps taps = taps_for(image.height, height, kernel);
  Image out{.width = image.width, .height = height, .rgb = {}};
  out.rgb.resize(static_cast<size_t>(image.width * height * 3));
  const auto bytes = static_cast<size_t>(image.width * 3);
  std::vector<int32_t> sums(bytes);
  for (int64_t y = 0; y < height; ++y) {
    const auto [first, count] = taps.ranges[static_cast<size_t>(y)];
    std::fill(sums.begin(), sums.end(), 1 << (taps.precision - 1));
    for (int64_t j = 0; j < count; ++j) {
      const int16_t w = taps.weights_of(y)[j];
      const uint8_t* from = image.rgb.data() + (first + j) * image.width * 3;
      for (size_t i = 0; i < bytes; ++i) sums[i] += w * static_cast<int16_t>(from[i]);
    }
    uint8_t* to = out.rgb.data() + y * image.width * 3;
    for (size_t i = 0; i < bytes; ++i) to[i] = to_byte(sums[i], taps.precision);
  }
  return out;
}

// In single precision, as torchvision computes the source of a pixel.
std::vector<int64_t> nearest_sources(int64_t in, int64_t out) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  std::vector<int64_t> sources(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const auto source = static_cast<int64_t>(static_cast<float>(i) * scale);
    sources[static_cast<size_t>(i)] = std::min(source, in - 1);
  }
  return sources;
}

Image resize_nearest(const Image& image, int64_t width, int64_t height) {
  Image out{.width = width, .height = height, .rgb = {}};
  out.rgb.resize(static_cast<size_t>(width * height * 3));
  const std::vector<int64_t> columns = nearest_sources(image.width, width);
  uint8_t* to = out.rgb.data();
  for (const int64_t y : nearest_sources(image.height, height)) {
    for (const int64_t x : columns) {
      std::copy_n(image.rgb.data() + (y * image.width + x) * 3, 3, to);
      to += 3;
    }
  }
  return out;
}

}  // namespace

Image resize(const Image& image, int64_t width, int64_t height, Resample filter) {
  if (filter == Resample::kNearest) return resize_nearest(image, width, height);
  const Kernel kernel = kernel_of(filter);
  if (width == image.width) {
    return height == image.height ? image : resize_columns(image, height, kernel);
  }
  Image wide = resize_rows(image, width, kernel);
  return height == image.height ? wide : resize_columns(wide, height, kernel);
}

}  // namespace lapidary::media
