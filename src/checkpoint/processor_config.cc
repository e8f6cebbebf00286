#include "checkpoint/processor_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "base/json.h"
#include "checkpoint/config_fields.h"

namespace lapidary::checkpoint {
namespace {

void expect_class(JsonReader& r, const std::string& key, std::initializer_list<const char*> names) {
  const auto value = r.optional_string(key);
  if (!value) return;
  if (std::none_of(names.begin(), names.end(), [&](const char* n) { return *value == n; })) {
    r.fail(key, fmt::format("is '{}', which is not supported", *value),
           std::string(*names.begin()) + " is", ErrorKind::kUnsupported);
  }
}

void read_triple(JsonReader& r, const std::string& key, std::array<double, 3>& out) {
  if (!r.has(key)) return r.ignore({key.c_str()});
  if (r.raw(key).is_number()) return out.fill(r.number(key, kFloat32Range));
  const std::vector<double> values = r.numbers(key, kFloat32Range);
  if (values.size() != 3) return r.fail(key, "must be one number or three");
  std::copy(values.begin(), values.end(), out.begin());
}

// Keys that the reference's base classes define and that Gemma 4 leaves unset or unused.
void accept_base_image_keys(JsonReader& r) {
  r.ignore({"size", "default_to_square", "crop_size", "do_center_crop", "do_pad", "pad_size",
            "data_format", "input_data_format", "device", "return_tensors", "disable_grouping",
            "processor_class"});
  for (const char* key : {"do_center_crop", "do_pad"}) {
    if (r.boolean_or(key, false)) {
      r.fail(key, "is true, which is not supported", "Gemma 4 resizes to whole patches",
             ErrorKind::kUnsupported);
    }
  }
}

void read_image(JsonReader& r, ImageProcessorConfig& c) {
  accept_base_image_keys(r);
  r.optional_integer("image_seq_length", {1, 1 << 20});  // the processor's own counts
  c.do_convert_rgb = r.boolean_or("do_convert_rgb", c.do_convert_rgb);
  c.do_resize = r.boolean_or("do_resize", c.do_resize);
  c.resample = r.integer_or("resample", c.resample, {0, 5});
  c.do_rescale = r.boolean_or("do_rescale", c.do_rescale);
  c.rescale_factor = positive(r, "rescale_factor", c.rescale_factor);
  c.do_normalize = r.boolean_or("do_normalize", c.do_normalize);
  read_triple(r, "image_mean", c.image_mean);
  read_triple(r, "image_std", c.image_std);
  c.patch_size = r.integer_or("patch_size", c.patch_size, {1, 1024});
  c.pooling_kernel_size = r.integer_or("pooling_kernel_size", c.pooling_kernel_size, {1, 64});
  c.max_soft_tokens = r.integer_or("max_soft_tokens", c.max_soft_tokens);
  const auto& budgets = kSoftTokenBudgets;
  if (r.status().ok() &&
      std::find(budgets.begin(), budgets.end(), c.max_soft_tokens) == budgets.end()) {
    r.fail("max_soft_tokens",
           fmt::format("is {}, must be 70, 140, 280, 560 or 1120", c.max_soft_tokens));
  }
  if (r.status().ok() &&
      std::any_of(c.image_std.begin(), c.image_std.end(), [](double s) { return s == 0; })) {
    r.fail("image_std", "must not be zero");
  }
}

void read_video(JsonReader& r, VideoProcessorConfig& c) {
  expect_class(r, "video_processor_type", {"Gemma4VideoProcessor"});
  read_image(r, c.frames);
  c.do_sample_frames = r.boolean_or("do_sample_frames", c.do_sample_frames);
  c.num_frames = r.integer_or("num_frames", c.num_frames, {1, 1 << 20});
  c.return_metadata = r.boolean_or("return_metadata", c.return_metadata);
  refuse_unfollowed(r, {"fps"});  // frames are counted here, not timed
  r.ignore({"video_metadata"});
}

std::vector<double> read_bins(JsonReader& r, const std::string& key, int64_t bins) {
  std::vector<double> values = r.numbers(key, kFloat32Range);
  if (!values.empty() && static_cast<int64_t>(values.size()) != bins) {
    r.fail(key, fmt::format("has {} values, feature_size is {}", values.size(), bins));
  }
  return values;
}

// The reference saves the lengths in samples, and computes them again from milliseconds on load. A
// file with the former only is its own saved form, and the lengths agree; if not, say so.
void check_samples(JsonReader& r, const std::string& key, int64_t computed) {
  const auto saved = r.optional_integer(key);
  if (saved && r.status().ok() && *saved != computed) {
    r.fail(key, fmt::format("is {}, the other keys make it {}", *saved, computed),
           "give frame_length_ms and hop_length_ms");
  }
}

void read_audio(JsonReader& r, AudioFeatureConfig& c) {
  c.feature_size = r.integer_or("feature_size", c.feature_size, {1, 1 << 16});
  c.sampling_rate = r.integer_or("sampling_rate", c.sampling_rate, {1, 1 << 24});
  c.padding_value = r.number_or("padding_value", c.padding_value, kFloat32Range);
  c.return_attention_mask = r.boolean_or("return_attention_mask", c.return_attention_mask);
  // Lengths count samples and are bounded as such below.
  c.frame_length_ms = positive(r, "frame_length_ms", c.frame_length_ms, {});
  c.hop_length_ms = positive(r, "hop_length_ms", c.hop_length_ms, {});
  c.min_frequency = r.number_or("min_frequency", c.min_frequency, {.min = 0.0});
  c.max_frequency = positive(r, "max_frequency", c.max_frequency, {});
  c.preemphasis = r.number_or("preemphasis", c.preemphasis, kFloat32Range);
  c.preemphasis_htk_flavor = r.boolean_or("preemphasis_htk_flavor", c.preemphasis_htk_flavor);
  c.fft_overdrive = r.boolean_or("fft_overdrive", c.fft_overdrive);
  c.dither = r.number_or("dither", c.dither, kFloat32Range);
  c.input_scale_factor = r.number_or("input_scale_factor", c.input_scale_factor, kFloat32Range);
  c.mel_floor = positive(r, "mel_floor", c.mel_floor);
  c.per_bin_mean = read_bins(r, "per_bin_mean", c.feature_size);
  c.per_bin_stddev = read_bins(r, "per_bin_stddev", c.feature_size);
  r.ignore({"processor_class", "return_tensors", "window", "mel_filters", "padding_side"});
  const auto side = r.optional_string("padding_side");
  if (side && *side != "right") {
    r.fail("padding_side", fmt::format("is '{}', which is not supported", *side), "right is",
           ErrorKind::kUnsupported);
  }
  if (!r.status().ok()) return;
  if (c.frame_length_ms > 10000 || c.hop_length_ms > 10000 || c.frame_length() < 1 ||
      c.hop_length() < 1) {
    r.fail("frame_length_ms", "and hop_length_ms must be a sample to ten seconds long");
    return;
  }
  check_samples(r, "frame_length", c.frame_length());
  check_samples(r, "hop_length", c.hop_length());
  check_samples(r, "fft_length", c.fft_length());
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Status read_nested(const std::filesystem::path& path, ProcessorConfig& c) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::load(path));
  JsonReader r = doc.root();
  expect_class(r, "processor_class", {"Gemma4Processor"});
  r.ignore({"chat_template"});  // text/chat_template.h
  c.image_seq_length = r.integer_or("image_seq_length", c.image_seq_length, {1, 1 << 20});
  c.audio_seq_length = r.integer_or("audio_seq_length", c.audio_seq_length, {1, 1 << 20});
  c.audio_ms_per_token = r.integer_or("audio_ms_per_token", c.audio_ms_per_token, {1, 1 << 20});
  if (auto image = r.optional_child("image_processor")) {
    c.has_image = true;
    expect_class(*image, "image_processor_type",
                 {"Gemma4ImageProcessor", "Gemma4ImageProcessorFast", "Gemma4ImageProcessorPil"});
    read_image(*image, c.image);
    image->pass_over_unknown();
  }
  if (auto audio = r.optional_child("feature_extractor")) {
    c.has_audio = true;
    expect_class(*audio, "feature_extractor_type", {"Gemma4AudioFeatureExtractor"});
    read_audio(*audio, c.audio);
    audio->pass_over_unknown();
  }
  if (auto video = r.optional_child("video_processor")) {
    c.has_video = true;
    read_video(*video, c.video);
    video->pass_over_unknown();
  }
  r.pass_over_unknown();
  LAP_RETURN_IF_ERROR(doc.finish());
  note_passed_over(doc, path, c.notes);
  return {};
}

// Both sections' keys in one object. Validated even where processor_config.json wins.
Status read_flat(const std::filesystem::path& path, ProcessorConfig& c) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::load(path));
  JsonReader r = doc.root();
  ProcessorConfig flat;
  expect_class(r, "processor_class", {"Gemma4Processor"});
  expect_class(r, "image_processor_type",
               {"Gemma4ImageProcessor", "Gemma4ImageProcessorFast", "Gemma4ImageProcessorPil"});
  expect_class(r, "feature_extractor_type", {"Gemma4AudioFeatureExtractor"});
  read_image(r, flat.image);
  read_audio(r, flat.audio);
  r.pass_over_unknown();
  LAP_RETURN_IF_ERROR(doc.finish());
  note_passed_over(doc, path, c.notes);
  if (!std::exchange(c.has_image, true)) c.image = flat.image;
  if (!std::exchange(c.has_audio, true)) c.audio = flat.audio;
  return {};
}

Status read_flat_video(const std::filesystem::path& path, ProcessorConfig& c) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::load(path));
  JsonReader r = doc.root();
  VideoProcessorConfig video;
  expect_class(r, "processor_class", {"Gemma4Processor"});
  read_video(r, video);
  r.pass_over_unknown();
  LAP_RETURN_IF_ERROR(doc.finish());
  note_passed_over(doc, path, c.notes);
  if (!std::exchange(c.has_video, true)) c.video = video;
  return {};
}

int64_t samples(double milliseconds, int64_t rate) {
  return static_cast<int64_t>(std::nearbyint(static_cast<double>(rate) * milliseconds / 1000.0));
}

}  // namespace

int64_t AudioFeatureConfig::frame_length() const { return samples(frame_length_ms, sampling_rate); }
int64_t AudioFeatureConfig::hop_length() const { return samples(hop_length_ms, sampling_rate); }
int64_t AudioFeatureConfig::fft_length() const {
  const auto power = std::bit_ceil(static_cast<uint64_t>(frame_length()));
  return static_cast<int64_t>(fft_overdrive ? 2 * power : power);
}

Result<ProcessorConfig> ProcessorConfig::load(const std::filesystem::path& dir) {
  ProcessorConfig c;
  if (const auto path = dir / "processor_config.json"; is_there(path)) {
    LAP_RETURN_IF_ERROR(read_nested(path, c));
  }
  if (const auto path = dir / "preprocessor_config.json"; is_there(path)) {
    LAP_RETURN_IF_ERROR(read_flat(path, c));
  }
  if (const auto path = dir / "video_preprocessor_config.json"; is_there(path)) {
    LAP_RETURN_IF_ERROR(read_flat_video(path, c));
  }
  return c;
}

}  // namespace lapidary::checkpoint
