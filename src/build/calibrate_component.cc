#include "build/calibrate_component.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "build/fixed_model.h"
#include "calibration/agreement.h"
#include "calibration/calibrate.h"
#include "calibration/decoder_agreement.h"
#include "calibration/moments.h"
#include "contract/component.h"
#include "contract/ports.h"
#include "encoders/fitted_processor.h"
#include "engine/fixed_graphs.h"
#include "package/text_model.h"
#include "runtime/decoder.h"

namespace lapidary::build {
namespace {

using calibration::MediaUse;
using calibration::Sequence;
using encoders::MediaKind;
using engine::Prompt;

constexpr const char* kDecoder = name_of(contract::Component::kDecoder);
constexpr const char* kVisionEncoder = name_of(contract::Component::kVisionEncoder);
constexpr const char* kAudioEncoder = name_of(contract::Component::kAudioEncoder);
constexpr const char* kEmbedding = "embedding/model.onnx";

Result<calibration::Method> method_of(const std::string& name) {
  if (name == "min_max") return calibration::Method::kMinMax;
  if (name == "percentile") return calibration::Method::kPercentile;
  if (name == "mse") return calibration::Method::kMse;
  return internal_error("calibration method", "'" + name + "' is not known");
}

std::vector<MediaUse> of_component(const std::string& component, std::vector<MediaUse> media) {
  std::erase_if(media, [&](const MediaUse& each) {
    return (each.item.kind == MediaKind::kAudio) != (component == kAudioEncoder);
  });
  return media;
}

// At most `most` of them, at equal distances.
std::vector<MediaUse> spread(const std::vector<MediaUse>& media, size_t most) {
  const size_t count = std::min(most, media.size());
  std::vector<MediaUse> out;
  for (size_t i = 0; i < count; ++i) out.push_back(media[i * media.size() / count]);
  return out;
}

Status unite(const quant::Ranges& more, quant::Ranges& all) {
  for (const auto& [value, range] : more.all()) {
    const quant::Range* other = all.find(value);
    LAP_RETURN_IF_ERROR(all.set(value, other == nullptr ? range : quant::united(*other, range)));
  }
  return {};
}

Error of_any_length(const std::string& component, const char* remedy) {
  return unsupported(component, "activations of a graph for any length cannot be calibrated",
                     remedy);
}

}  // namespace

Calibrator::Calibrator(const recipe::Recipe& recipe, const checkpoint::Checkpoint& checkpoint,
                       target::QuantizationTraits traits, std::filesystem::path staging,
                       CalibratorOptions options)
    : recipe_(recipe),
      checkpoint_(checkpoint),
      traits_(std::move(traits)),
      staging_(std::move(staging)),
      options_(std::move(options)) {}

const package::Calibration* Calibrator::record(const std::string& component) const {
  const auto found = records_.find(component);
  return found == records_.end() ? nullptr : &found->second;
}

const graph::Graph* Calibrator::float_graph(const std::string& component) const {
  const auto found = graphs_.find(component);
  return found == graphs_.end() ? nullptr : &found->second;
}

passes::PassContext Calibrator::context(const std::string& component) {
  return {.calibrate =
              [this, component](const passes::CalibrationRequest& request) {
                return calibrate(component, request);
              },
          .moments = [this, component](const passes::MomentRequest& request)
              -> Result<std::shared_ptr<const quant::Moments>> {
            LAP_ASSIGN_OR_RETURN(quant::Moments found, moments(component, request));
            return std::make_shared<const quant::Moments>(std::move(found));
          },
          .traits = traits_};
}

calibration::RunOptions Calibrator::run_options() const {
  return {.scratch = staging_, .work = options_.work};
}

ort::SessionOptions Calibrator::session_options() const {
  return {.threads = static_cast<int>(options_.work.threads), .spinning = false};
}

Result<std::vector<Sequence>> Calibrator::sequences(const std::string& component,
                                                    const std::string& data_config) const {
  if (options_.data == nullptr) return internal_error(component, "has no calibration data");
  LAP_ASSIGN_OR_RETURN(auto out, options_.data->sequences(data_config));
  LAP_RETURN_IF_ERROR(check_shown(component, out));
  return out;
}

// The manifest of the package as far as front ends care, whatever is built of it already.
Result<package::Manifest> Calibrator::model() const {
  package::Manifest out;
  out.text = package::text_model(checkpoint_.config);
  out.vision = package::vision_model(checkpoint_.config);
  out.audio = package::audio_model(checkpoint_.config);
  if (out.vision) {
    LAP_ASSIGN_OR_RETURN(out.vision->fixed_encoder,
                         fixed_encoder(recipe_, kVisionEncoder, checkpoint_, traits_));
  }
  if (out.audio) {
    LAP_ASSIGN_OR_RETURN(out.audio->fixed_encoder,
                         fixed_encoder(recipe_, kAudioEncoder, checkpoint_, traits_));
  }
  return out;
}

Result<encoders::MediaEncoder> Calibrator::saved_encoders() const {
  if (options_.manifest == nullptr) return internal_error("calibration", "there is no manifest");
  LAP_ASSIGN_OR_RETURN(auto processor,
                       encoders::fitted_processor(checkpoint_.processor, *options_.manifest));
  encoders::MediaModel model{{staging_, *options_.manifest},
                             std::move(processor),
                             options_.data->reader().kinds(),
                             session_options()};
  return encoders::MediaEncoder(std::move(model));
}

// The data with soft tokens: encoded once, whatever the passes ask.
Result<std::vector<Prompt>> Calibrator::prompts(const std::string& data_config) {
  if (const auto known = prompts_.find(data_config); known != prompts_.end()) return known->second;
  LAP_ASSIGN_OR_RETURN(const auto shown, sequences(kDecoder, data_config));
  std::optional<encoders::MediaEncoder> encoder;
  const bool with_media = std::any_of(shown.begin(), shown.end(),
                                      [](const Sequence& each) { return !each.media.empty(); });
  if (with_media) {
    LAP_ASSIGN_OR_RETURN(encoder, saved_encoders());
  }
  LAP_ASSIGN_OR_RETURN(auto out, options_.data->reader().prompts(
                                     shown, encoder ? &*encoder : nullptr, options_.work));
  return prompts_[data_config] = std::move(out);
}

Result<calibration::DecoderSamples> Calibrator::decoder_samples(const graph::Graph& graph,
                                                                std::vector<Prompt> data) const {
  std::optional<package::FixedModel> model =
      fixed_model(recipe_, kDecoder, checkpoint_.config, {}, traits_);
  if (!model) return of_any_length(kDecoder, "let StaticLLM run before OnnxStaticQuantization");
  LAP_ASSIGN_OR_RETURN(
      ort::Session embedding,
      ort::Session::open(staging_ / kEmbedding, {.threads = 1, .spinning = false}));
  return calibration::DecoderSamples::create(graph, std::move(embedding),
                                             package::text_model(checkpoint_.config),
                                             *std::move(model), std::move(data));
}

Result<std::unique_ptr<calibration::EncoderSamples>> Calibrator::encoder_samples(
    const std::string& component, std::span<const MediaUse> media) const {
  LAP_ASSIGN_OR_RETURN(const package::Manifest manifest, model());
  LAP_ASSIGN_OR_RETURN(const auto processor,
                       encoders::fitted_processor(checkpoint_.processor, manifest));
  if (component == kVisionEncoder) {
    if (!manifest.vision || !manifest.vision->fixed_encoder) {
      return of_any_length(component, "set image_soft_tokens of MobiusBuilder");
    }
    return calibration::vision_samples(media, processor, *manifest.vision);
  }
  if (component != kAudioEncoder) {
    return unsupported(component, "there is no calibration data for it",
                       "name encoders and the decoder in \"components\"");
  }
  if (!manifest.audio || !manifest.audio->fixed_encoder) {
    return of_any_length(component, "set audio_soft_tokens of MobiusBuilder");
  }
  return calibration::audio_samples(media, processor, *manifest.audio);
}

Result<std::unique_ptr<calibration::SampleSource>> Calibrator::samples(
    const std::string& component, const graph::Graph& graph, const std::string& data_config) {
  if (component == kDecoder) {
    LAP_ASSIGN_OR_RETURN(std::vector<Prompt> data, prompts(data_config));
    LAP_ASSIGN_OR_RETURN(auto rows, decoder_samples(graph, std::move(data)));
    return std::unique_ptr<calibration::SampleSource>(
        std::make_unique<calibration::DecoderSamples>(std::move(rows)));
  }
  LAP_ASSIGN_OR_RETURN(const auto shown, sequences(component, data_config));
  LAP_ASSIGN_OR_RETURN(auto out, encoder_samples(component, calibration::media_of(shown)));
  return std::unique_ptr<calibration::SampleSource>(std::move(out));
}

void Calibrator::note(const std::string& component, const passes::CalibrationRequest& request,
                      const std::string& data_key, int64_t samples,
                      const std::vector<Sequence>& shown) {
  Fingerprint print;
  print.add(data_key);
  print.add(request.data_config);
  print.add(request.method);
  print.add(std::to_string(request.percentile));
  print.add(std::to_string(request.bits));
  package::Calibration& record = records_[component];
  record = {component, print.hex(), samples};
  for (const MediaUse& use : calibration::media_of(shown)) {
    ++(use.item.kind == MediaKind::kAudio ? record.clips : record.images);
  }
  // An encoder was shown its own kind only.
  if (component == kVisionEncoder) record.clips = 0;
  if (component == kAudioEncoder) record.images = 0;
}

Result<quant::Ranges> Calibrator::calibrate(const std::string& component,
                                            const passes::CalibrationRequest& request) {
  calibration::CollectorOptions collector;
  LAP_ASSIGN_OR_RETURN(collector.method, method_of(request.method));
  collector.percentile = request.percentile;
  collector.bits = request.bits;
  LAP_ASSIGN_OR_RETURN(const auto shown, sequences(component, request.data_config));
  LAP_ASSIGN_OR_RETURN(const auto inputs, samples(component, request.graph, request.data_config));
  LAP_ASSIGN_OR_RETURN(
      quant::Ranges found,
      calibration::calibrate(request.graph, request.values, *inputs, collector, run_options()));
  const double masked = masked_value(recipe_, component, traits_);
  LAP_RETURN_IF_ERROR(component == kDecoder
                          ? calibration::set_fixed_ranges(request.graph, masked, found)
                          : calibration::set_fixed_encoder_ranges(request.graph, masked, found));
  LAP_RETURN_IF_ERROR(unite(found, ranges_[component]));
  LAP_ASSIGN_OR_RETURN(const std::string key, options_.data->key(options_.work.cancel));
  note(component, request, key, inputs->count(), shown);
  graphs_[component] = request.graph;
  return found;
}

Result<quant::Moments> Calibrator::moments(const std::string& component,
                                           const passes::MomentRequest& request) {
  LAP_ASSIGN_OR_RETURN(const auto inputs, samples(component, request.graph, request.data_config));
  return calibration::collect_moments(request.graph, request.values, request.block_size, *inputs,
                                      run_options());
}

Result<package::Agreement> Calibrator::decoder_agreement(const graph::Graph& reference) {
  if (options_.manifest == nullptr || !options_.manifest->fixed_model) {
    return internal_error(kDecoder, "is not in the manifest");
  }
  const auto input =
      std::find_if(reference.inputs.begin(), reference.inputs.end(),
                   [](const auto& each) { return each.name == contract::ports::kInputsEmbeds; });
  const bool fixed = input != reference.inputs.end() && input->shape.size() == 3 &&
                     std::holds_alternative<int64_t>(input->shape[1]);
  if (!fixed) return of_any_length(kDecoder, "let StaticLLM make it");
  LAP_ASSIGN_OR_RETURN(const std::vector<Prompt> all, prompts(""));
  const auto some =
      calibration::agreement_prompts(all, std::get<int64_t>(input->shape[1]), kAgreementSamples);
  if (some.empty()) {
    return bad_input(kDecoder, "no text or chat has two tokens to compare the saved graphs on",
                     "add some to the calibration data, or set a longer context_length");
  }
  LAP_ASSIGN_OR_RETURN(auto samples, decoder_samples(reference, some));
  LAP_ASSIGN_OR_RETURN(
      auto graphs, engine::FixedGraphs::open({staging_, *options_.manifest}, session_options(), {},
                                             options_.work.silent()));
  LAP_ASSIGN_OR_RETURN(runtime::Decoder saved, runtime::Decoder::create(graphs, {}));
  return calibration::decoder_agreement(reference, samples, some, saved,
                                        options_.manifest->fixed_model->host_logit_softcap,
                                        run_options());
}

Result<package::Agreement> Calibrator::agreement(const std::string& component,
                                                 const graph::Graph& reference) {
  if (component == kDecoder) return decoder_agreement(reference);
  LAP_ASSIGN_OR_RETURN(const auto shown, sequences(component, ""));
  // A frame of a video is an image like others.
  std::vector<MediaUse> media = of_component(component, calibration::media_of(shown));
  std::erase_if(media, [](const MediaUse& each) { return each.item.kind == MediaKind::kVideo; });
  media = spread(media, kAgreementSamples);
  LAP_ASSIGN_OR_RETURN(auto samples, encoder_samples(component, media));
  LAP_ASSIGN_OR_RETURN(encoders::MediaEncoder encoder, saved_encoders());
  const auto saved = [&](size_t sample) -> Result<std::vector<float>> {
    LAP_ASSIGN_OR_RETURN(const auto encoded,
                         encoder.encode(media[sample].item, options_.work.cancel));
    return encoded.blocks.front()->features;
  };
  return calibration::encoder_agreement(component, reference, *samples, saved, run_options());
}

}  // namespace lapidary::build
