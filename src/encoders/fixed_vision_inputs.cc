#include "encoders/fixed_vision_inputs.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "contract/ports.h"

namespace lapidary::encoders {
namespace {

namespace ports = contract::ports;

using media::ImagePatches;
using package::VisionModel;

struct Grid {
  int64_t width = 0, height = 0;
};

Grid grid_of(const ImagePatches& patches) {
  Grid grid;
  for (size_t i = 0; i + 1 < patches.position_ids.size(); i += 2) {
    grid.width = std::max(grid.width, patches.position_ids[i] + 1);
    grid.height = std::max(grid.height, patches.position_ids[i + 1] + 1);
  }
  return grid;
}

// Where each patch goes.
Result<std::vector<size_t>> places_of(const ImagePatches& patches, int64_t kernel) {
  const auto not_a_grid = [&] {
    return internal_error(
        "vision encoder",
        fmt::format("the {} patches of a picture fill no grid of whole cells of {}",
                    patches.patches, kernel));
  };
  const auto count = static_cast<size_t>(patches.patches);
  const auto& ids = patches.position_ids;
  if (patches.patches <= 0 || ids.size() != 2 * count) return not_a_grid();
  const Grid grid = grid_of(patches);
  if (grid.width % kernel != 0 || grid.height % kernel != 0 || grid.width > patches.patches ||
      patches.patches / grid.width != grid.height || patches.patches % grid.width != 0) {
    return not_a_grid();
  }
  std::vector<size_t> places(count);
  std::vector<bool> taken(count, false);
  for (size_t i = 0; i < count; ++i) {
    const int64_t x = ids[2 * i];
    const int64_t y = ids[2 * i + 1];
    if (x < 0 || y < 0) return not_a_grid();
    const int64_t cell = y / kernel * (grid.width / kernel) + x / kernel;
    const auto place =
        static_cast<size_t>(cell * kernel * kernel + y % kernel * kernel + x % kernel);
    if (taken[place]) return not_a_grid();
    taken[place] = true;
    places[i] = place;
  }
  return places;
}

template <typename T>
ort::HostTensor tensor(const char* name, DType type, std::vector<int64_t> shape,
                       const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {name, type, std::move(shape), {bytes.begin(), bytes.end()}};
}

}  // namespace

Result<std::vector<ort::HostTensor>> fixed_vision_inputs(const ImagePatches& patches,
                                                         const VisionModel& model) {
  if (!model.fixed_encoder) {
    return internal_error("vision encoder", "its lengths are not fixed");
  }
  const int64_t kernel = model.pooling_kernel_size;
  const int64_t room = model.fixed_encoder->soft_tokens;
  if (patches.soft_tokens > room) {
    return bad_input(
        "picture",
        fmt::format("has {} soft tokens, but the package's vision encoder takes at most {}",
                    patches.soft_tokens, room),
        "build the package with a larger image_soft_tokens, or lower max_soft_tokens "
        "of the image processor");
  }
  LAP_ASSIGN_OR_RETURN(const std::vector<size_t> places, places_of(patches, kernel));
  const int64_t length = room * kernel * kernel;
  if (patches.patches > length) {
    return internal_error("vision encoder", "a picture has more patches than its soft tokens hold");
  }
  const size_t width = patches.pixel_values.size() / places.size();
  std::vector<float> pixels(static_cast<size_t>(length) * width, 0.0F);
  std::vector<int32_t> positions(static_cast<size_t>(length) * 2, 0);
  std::vector<float> mask(static_cast<size_t>(length),
                          static_cast<float>(model.fixed_encoder->masked));
  for (size_t i = 0; i < places.size(); ++i) {
    const size_t to = places[i];
    std::transform(&patches.pixel_values[i * width], &patches.pixel_values[i * width] + width,
                   &pixels[to * width], [](float x) { return 2 * x - 1; });
    positions[2 * to] = static_cast<int32_t>(patches.position_ids[2 * i]);
    positions[2 * to + 1] = static_cast<int32_t>(patches.position_ids[2 * i + 1]);
    mask[to] = 0;
  }
  std::vector<ort::HostTensor> out;
  out.push_back(
      tensor(ports::kPixelValues, DType::kFloat, {1, length, static_cast<int64_t>(width)}, pixels));
  out.push_back(tensor(ports::kPixelPositionIds, DType::kInt32, {1, length, 2}, positions));
  out.push_back(tensor(ports::kAttentionMask, DType::kFloat, {1, 1, 1, length}, mask));
  return out;
}

}  // namespace lapidary::encoders
