#include "recipe/build_step.h"

#include <fmt/core.h>

#include <algorithm>

#include "contract/component.h"
#include "recipe/olive_names.h"

namespace lapidary::recipe {
namespace {

constexpr const char* kVision = name_of(contract::Component::kVisionEncoder);
constexpr const char* kAudio = name_of(contract::Component::kAudioEncoder);

std::optional<int64_t> read_length(JsonReader& reader, const char* key) {
  if (reader.raw(key) == Json("auto")) return 0;
  if (reader.raw(key).is_string()) {
    reader.fail(key, "is a text", "give a number of soft tokens, or \"auto\"");
    return std::nullopt;
  }
  return reader.optional_integer(key, {1, 1 << 16});
}

}  // namespace

std::optional<int64_t> BuildStep::length_of(const std::string& component) const {
  if (component == kVision) return image_soft_tokens;
  if (component == kAudio) return audio_soft_tokens;
  return std::nullopt;
}

BuildStep read_build_step(JsonReader& reader) {
  BuildStep out;
  const std::string precision = reader.string_or("precision", "fp32");
  if (!same_type(precision, "fp32")) {
    reader.fail("precision", fmt::format("is '{}'", precision),
                "graphs are built in fp32: convert with OnnxFloatToFloat16 or a quantization pass",
                ErrorKind::kUnsupported);
  }
  out.image_soft_tokens = read_length(reader, "image_soft_tokens");
  out.audio_soft_tokens = read_length(reader, "audio_soft_tokens");
  reader.ignore({"execution_provider"});  // follows from the target
  reader.reject_unknown();
  return out;
}

Result<std::optional<int64_t>> encoder_length(const BuildStep& step, const std::string& component,
                                              const checkpoint::ProcessorConfig& processor) {
  std::optional<int64_t> length = step.length_of(component);
  if (!length) return length;
  const bool images = component == kVision;
  const int64_t most = images ? processor.image.max_soft_tokens : processor.audio_seq_length;
  if (*length == 0) return std::optional(most);
  const std::string where = images ? "image_soft_tokens" : "audio_soft_tokens";
  if (*length > most) {
    return bad_input(where,
                     fmt::format("{} is more than the checkpoint's processor makes of {}, {}",
                                 *length, images ? "an image" : "a clip", most),
                     "leave it at \"auto\"");
  }
  if (images &&
      std::find(checkpoint::kSoftTokenBudgets.begin(), checkpoint::kSoftTokenBudgets.end(),
                *length) == checkpoint::kSoftTokenBudgets.end()) {
    return bad_input(where, fmt::format("{} is no budget that images are resized to", *length),
                     "use 70, 140, 280, 560 or 1120");
  }
  return length;
}

}  // namespace lapidary::recipe
