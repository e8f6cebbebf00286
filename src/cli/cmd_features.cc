// lapidary features PACKAGE --image F | --audio F -o X.npy: what an encoder puts out, or is given.
#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "cli/commands.h"
#include "cli/media_flags.h"
#include "cli/model_flags.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"
#include "contract/ports.h"
#include "encoders/media_encoder.h"
#include "tensor/npy.h"

namespace lapidary::cli {
namespace {

namespace ports = contract::ports;

using encoders::MediaKind;

struct FeaturesFlags {
  ModelFlags model;
  std::string image;
  std::string audio;
  std::string output;
  bool frontend = false;
  bool json = false;
};

// One file written.
struct Array {
  std::string name;  // of the graph's input or output
  std::filesystem::path path;
  tensor::TensorType type;
};

struct Features {
  encoders::MediaItem item;
  std::vector<Array> arrays;
  Json details;  // more members for --json
};

// "x.npy" to "x.position_ids.npy".
std::filesystem::path beside(const std::filesystem::path& output, const std::string& name) {
  return std::filesystem::path(output).replace_extension(name + ".npy");
}

template <typename T>
Status save(const Array& array, const std::vector<T>& values) {
  LAP_ASSIGN_OR_RETURN(const std::string bytes,
                       tensor::npy_bytes(array.type, std::as_bytes(std::span(values))));
  return replace_file(array.path, bytes);
}

Result<std::vector<Array>> save_image_inputs(const FeaturesFlags& flags,
                                             const media::ImagePatches& patches) {
  const int64_t width = static_cast<int64_t>(patches.pixel_values.size()) / patches.patches;
  std::vector<Array> arrays = {
      {ports::kPixelValues, flags.output, {DType::kFloat, {patches.patches, width}}},
      {ports::kPixelPositionIds,
       beside(flags.output, "position_ids"),
       {DType::kInt64, {patches.patches, 2}}}};
  LAP_RETURN_IF_ERROR(save(arrays[0], patches.pixel_values));
  LAP_RETURN_IF_ERROR(save(arrays[1], patches.position_ids));
  return arrays;
}

Result<std::vector<Array>> save_audio_inputs(const FeaturesFlags& flags, const media::LogMel& mel) {
  std::vector<Array> arrays = {
      {ports::kInputFeatures, flags.output, {DType::kFloat, {mel.frames, mel.bins}}},
      {ports::kInputFeaturesMask,
       beside(flags.output, ports::kInputFeaturesMask),
       {DType::kBool, {mel.frames}}}};
  LAP_RETURN_IF_ERROR(save(arrays[0], mel.input_features));
  LAP_RETURN_IF_ERROR(save(arrays[1], mel.input_features_mask));
  return arrays;
}

Result<std::vector<Array>> save_inputs(const FeaturesFlags& flags, const encoders::MediaItem& item,
                                       const encoders::MediaEncoder& encoder) {
  if (item.kind == MediaKind::kImage) {
    LAP_ASSIGN_OR_RETURN(const media::ImagePatches patches, encoder.image_frontend(item.path));
    return save_image_inputs(flags, patches);
  }
  LAP_ASSIGN_OR_RETURN(const media::LogMel mel, encoder.audio_frontend(item.path));
  return save_audio_inputs(flags, mel);
}

Result<std::vector<Array>> save_outputs(const FeaturesFlags& flags, const encoders::MediaItem& item,
                                        const runtime::Model& model,
                                        const encoders::EncodedMedia& encoded) {
  const engine::SoftTokens& tokens = *encoded.blocks.front();
  const std::string name =
      item.kind == MediaKind::kImage ? ports::kImageFeatures : ports::kAudioFeatures;
  const int64_t hidden = model.manifest().text.hidden_size;
  std::vector<Array> arrays = {{name, flags.output, {DType::kFloat, {tokens.count, hidden}}}};
  LAP_RETURN_IF_ERROR(save(arrays[0], tokens.features));
  return arrays;
}

void print(const Features& features, bool as_json) {
  if (!as_json) {
    std::string text;
    for (const Array& array : features.arrays) {
      text += fmt::format("{}: {} {} {}\n", array.path.string(), array.name,
                          name_of(array.type.dtype), tensor::to_string(array.type.shape));
    }
    write_out(text);
    return;
  }
  Json outputs = Json::array();
  for (const Array& array : features.arrays) {
    outputs.push_back(Json{{"name", array.name},
                           {"file", array.path.string()},
                           {"dtype", name_of(array.type.dtype)},
                           {"shape", array.type.shape}});
  }
  Json json = {{"kind", encoders::name(features.item.kind)},
               {"file", features.item.path.string()},
               {"outputs", std::move(outputs)}};
  json.update(features.details);
  write_json(json);
}

Result<encoders::MediaItem> item_of(const FeaturesFlags& flags) {
  if (flags.image.empty() == flags.audio.empty()) {
    return bad_input("features", "takes one --image or one --audio");
  }
  if (std::filesystem::path(flags.output).extension() != ".npy") {
    return bad_input(flags.output, "is no name of a NumPy file", "let it end in .npy");
  }
  LAP_RETURN_IF_ERROR(check_output_file(flags.output));
  if (flags.audio.empty()) return encoders::MediaItem{MediaKind::kImage, flags.image};
  return encoders::MediaItem{MediaKind::kAudio, flags.audio};
}

Result<int> features(const FeaturesFlags& flags) {
  ProgressDisplay progress;
  const Work work{.progress = &progress, .cancel = &catch_interrupts()};
  Features out;
  LAP_ASSIGN_OR_RETURN(out.item, item_of(flags));
  LAP_ASSIGN_OR_RETURN(const runtime::Model model, flags.model.open(work));
  encoders::MediaEncoder encoder(model.media_model());
  const Stopwatch watch;
  if (flags.frontend) {
    LAP_ASSIGN_OR_RETURN(out.arrays, save_inputs(flags, out.item, encoder));
    out.details = Json{{"seconds", watch.seconds()}};
  } else {
    LAP_ASSIGN_OR_RETURN(const auto encoded, encoder.encode(std::vector{out.item}, work));
    const encoders::EncodedMedia& media = encoded.front();
    LAP_ASSIGN_OR_RETURN(out.arrays, save_outputs(flags, out.item, model, media));
    out.details = Json{{"device", model.device()},
                       {"content_hash", media.blocks.front()->content_hash},
                       {"timings", media_timings_json(media.timings)}};
  }
  progress.finish();
  print(out, flags.json);
  return finish_output();
}

}  // namespace

void add_features_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<FeaturesFlags>();
  Command command = program.add_command(
      "features", "Write what the encoder makes of an image or a sound as a NumPy file");
  flags->model.add_to(command);
  command.add_option("--image", flags->image, "Image file");
  command.add_option("--audio", flags->audio, "Sound file");
  command.add_option("-o,--output", flags->output, "The .npy file: soft tokens [tokens, hidden]")
      .required();
  command.add_flag("--frontend", flags->frontend,
                   "Write the encoder's inputs instead; the second one beside the .npy file");
  command.add_flag("--json", flags->json, "Print one JSON object: shapes, times, hash");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(features(*flags)); });
}

}  // namespace lapidary::cli
