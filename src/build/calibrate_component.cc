#include "build/calibrate_component.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "base/hash.h"
#include "build/fixed_model.h"
#include "calibration/agreement.h"
#include "calibration/calibrate.h"
#include "calibration/decoder_agreement.h"
#include "calibration/decoder_samples.h"
#include "calibration/encoder_samples.h"
#include "calibration/moments.h"
#include "calibration/observed_run.h"
#include "calibration/sample_source.h"
#include "contract/component.h"
#include "contract/ports.h"
#include "contract/role.h"
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

// Where the embedding lies in the package that is being made.
std::string embedding_file() {
  return fmt::format("{}/{}.onnx", name_of(contract::Component::kEmbedding),
                     name_of(contract::Role::kModel));
}

Result<calibration::Method> method_of(const std::string& name) {
  if (name == "min_max") return calibration::Method::kMinMax;
  if (name == "percentile") return calibration::Method::kPercentile;
  if (name == "mse") return calibration::Method::kMse;
  return internal_error("calibration method", fmt::format("'{}' is not known", name));
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

// What of a plan samples depend on.
struct SampleForm {
  std::string component;
  std::optional<package::FixedModel> decoder;
  std::optional<package::FixedEncoder> encoder;
};

SampleForm form_of(const PlannedComponent& planned) {
  return {planned.name, planned.fixed_model, planned.fixed_encoder};
}

// Of runs whose outputs are calibrated with, or measured.
ort::SessionOptions session_options() {
  return {.threads = calibration::kRunThreads, .spinning = false};
}

Result<std::vector<Sequence>> sequences(const CalibrationSources& sources,
                                        const std::string& component,
                                        const std::string& data_config) {
  LAP_ASSIGN_OR_RETURN(auto out, sources.data.sequences(data_config));
  LAP_RETURN_IF_ERROR(check_shown(component, out));
  return out;
}

// Encodes by what stands in the package.
Result<encoders::MediaEncoder> saved_encoders(const CalibrationSources& sources,
                                              const package::Package& saved) {
  LAP_ASSIGN_OR_RETURN(auto processor,
                       encoders::fitted_processor(sources.checkpoint.processor, saved.manifest));
  return encoders::MediaEncoder(
      {saved, std::move(processor), sources.data.reader().kinds(), session_options()});
}

// The data with soft tokens.
Result<std::vector<Prompt>> encoded_prompts(const CalibrationSources& sources,
                                            const package::Package& saved,
                                            const std::string& data_config) {
  LAP_ASSIGN_OR_RETURN(const auto shown, sequences(sources, kDecoder, data_config));
  std::optional<encoders::MediaEncoder> encoder;
  const bool with_media = std::any_of(shown.begin(), shown.end(),
                                      [](const Sequence& each) { return !each.media.empty(); });
  if (with_media) {
    LAP_ASSIGN_OR_RETURN(encoder, saved_encoders(sources, saved));
  }
  return sources.data.reader().prompts(shown, encoder ? &*encoder : nullptr, sources.work);
}

Result<calibration::DecoderSamples> decoder_samples(const SampleForm& form,
                                                    const CalibrationSources& sources,
                                                    const package::Package& saved,
                                                    const graph::Graph& graph,
                                                    std::vector<Prompt> data) {
  if (!form.decoder) {
    return of_any_length(kDecoder, "let StaticLLM run before OnnxStaticQuantization");
  }
  LAP_ASSIGN_OR_RETURN(
      ort::Session embedding,
      ort::Session::open(saved.path(embedding_file()), {.threads = 1, .spinning = false}));
  return calibration::DecoderSamples::create(graph, std::move(embedding),
                                             package::text_model(sources.checkpoint.config),
                                             *form.decoder, std::move(data));
}

Result<std::unique_ptr<calibration::EncoderSamples>> encoder_samples(
    const SampleForm& form, const CalibrationSources& sources, std::span<const MediaUse> media) {
  // Of the package, as far as the encoder's front end cares.
  package::Manifest model;
  model.text = package::text_model(sources.checkpoint.config);
  model.vision = package::vision_model(sources.checkpoint.config);
  model.audio = package::audio_model(sources.checkpoint.config);
  const bool vision = form.component == kVisionEncoder;
  if (!vision && form.component != kAudioEncoder) {
    return unsupported(form.component, "there is no calibration data for it",
                       "name encoders and the decoder in \"components\"");
  }
  if (!form.encoder) {
    return of_any_length(form.component, vision ? "set image_soft_tokens of MobiusBuilder"
                                                : "set audio_soft_tokens of MobiusBuilder");
  }
  (vision ? model.vision->fixed_encoder : model.audio->fixed_encoder) = form.encoder;
  LAP_ASSIGN_OR_RETURN(const auto processor,
                       encoders::fitted_processor(sources.checkpoint.processor, model));
  return vision ? calibration::vision_samples(media, processor, *model.vision)
                : calibration::audio_samples(media, processor, *model.audio);
}

// What passes ask, answered for one component.
class Answers {
 public:
  Answers(SampleForm form, const CalibrationSources& sources, const package::Package& saved)
      : form_(std::move(form)), sources_(sources), saved_(saved) {}

  Result<quant::Ranges> ranges(const passes::CalibrationRequest& request);
  Result<quant::Moments> moments(const passes::MomentRequest& request);

  // What was found so far; `component` is not among it.
  CalibratedComponent take() { return std::move(found_); }

 private:
  // Encoded once, whatever the passes ask.
  Result<std::vector<Prompt>> prompts(const std::string& data_config);
  // The samples of the component, made from the data that a pass names.
  Result<std::unique_ptr<calibration::SampleSource>> samples(const graph::Graph& graph,
                                                             const std::string& data_config);
  void note(const passes::CalibrationRequest& request, const std::string& data_key, int64_t samples,
            const std::vector<Sequence>& shown);

  const SampleForm form_;
  const CalibrationSources& sources_;
  const package::Package& saved_;
  CalibratedComponent found_;
};

Result<std::vector<Prompt>> Answers::prompts(const std::string& data_config) {
  const auto known = found_.prompts.find(data_config);
  if (known != found_.prompts.end()) return known->second;
  LAP_ASSIGN_OR_RETURN(auto out, encoded_prompts(sources_, saved_, data_config));
  return found_.prompts[data_config] = std::move(out);
}

Result<std::unique_ptr<calibration::SampleSource>> Answers::samples(
    const graph::Graph& graph, const std::string& data_config) {
  if (form_.component == kDecoder) {
    LAP_ASSIGN_OR_RETURN(std::vector<Prompt> data, prompts(data_config));
    LAP_ASSIGN_OR_RETURN(auto rows,
                         decoder_samples(form_, sources_, saved_, graph, std::move(data)));
    return std::unique_ptr<calibration::SampleSource>(
        std::make_unique<calibration::DecoderSamples>(std::move(rows)));
  }
  LAP_ASSIGN_OR_RETURN(const auto shown, sequences(sources_, form_.component, data_config));
  LAP_ASSIGN_OR_RETURN(auto out, encoder_samples(form_, sources_, calibration::media_of(shown)));
  return std::unique_ptr<calibration::SampleSource>(std::move(out));
}

void Answers::note(const passes::CalibrationRequest& request, const std::string& data_key,
                   int64_t samples, const std::vector<Sequence>& shown) {
  Fingerprint print;
  print.add(data_key);
  print.add(request.data_config);
  print.add(request.method);
  print.add(std::to_string(request.percentile));
  print.add(std::to_string(request.bits));
  package::Calibration record{form_.component, print.hex(), samples};
  for (const MediaUse& use : calibration::media_of(shown)) {
    ++(use.item.kind == MediaKind::kAudio ? record.clips : record.images);
  }
  // An encoder was shown its own kind only.
  if (form_.component == kVisionEncoder) record.clips = 0;
  if (form_.component == kAudioEncoder) record.images = 0;
  found_.record = std::move(record);
}

Result<quant::Ranges> Answers::ranges(const passes::CalibrationRequest& request) {
  calibration::CollectorOptions collector;
  LAP_ASSIGN_OR_RETURN(collector.method, method_of(request.method));
  collector.percentile = request.percentile;
  collector.bits = request.bits;
  LAP_ASSIGN_OR_RETURN(const auto shown, sequences(sources_, form_.component, request.data_config));
  LAP_ASSIGN_OR_RETURN(const auto inputs, samples(request.graph, request.data_config));
  LAP_ASSIGN_OR_RETURN(quant::Ranges found,
                       calibration::calibrate(request.graph, request.values, *inputs, collector,
                                              {.scratch = saved_.dir, .work = sources_.work}));
  const double masked = masked_value(sources_.recipe, form_.component, sources_.traits);
  LAP_RETURN_IF_ERROR(form_.component == kDecoder
                          ? calibration::set_fixed_ranges(request.graph, masked, found)
                          : calibration::set_fixed_encoder_ranges(request.graph, masked, found));
  LAP_RETURN_IF_ERROR(unite(found, found_.ranges));
  LAP_ASSIGN_OR_RETURN(const std::string key, sources_.data.key(sources_.work.cancel));
  note(request, key, inputs->count(), shown);
  found_.float_graph = request.graph;
  return found;
}

Result<quant::Moments> Answers::moments(const passes::MomentRequest& request) {
  LAP_ASSIGN_OR_RETURN(const auto inputs, samples(request.graph, request.data_config));
  return calibration::collect_moments(request.graph, request.values, request.block_size, *inputs,
                                      {.scratch = saved_.dir, .work = sources_.work});
}

passes::PassContext context_of(Answers& answers, const target::QuantizationTraits& traits) {
  return {
      .calibrate =
          [&answers](const passes::CalibrationRequest& request) { return answers.ranges(request); },
      .moments = [&answers](const passes::MomentRequest& request)
          -> Result<std::shared_ptr<const quant::Moments>> {
        LAP_ASSIGN_OR_RETURN(quant::Moments found, answers.moments(request));
        return std::make_shared<const quant::Moments>(std::move(found));
      },
      .traits = traits};
}

Result<package::Agreement> decoder_agreement(const CalibratedComponent& decoder,
                                             const CalibrationSources& sources,
                                             const package::Package& saved) {
  if (!saved.manifest.fixed_model) return internal_error(kDecoder, "is not in the manifest");
  const graph::Graph& reference = decoder.float_graph;
  const auto input =
      std::find_if(reference.inputs.begin(), reference.inputs.end(),
                   [](const auto& each) { return each.name == contract::ports::kInputsEmbeds; });
  const bool fixed = input != reference.inputs.end() && input->shape.size() == 3 &&
                     std::holds_alternative<int64_t>(input->shape[1]);
  if (!fixed) return of_any_length(kDecoder, "let StaticLLM make it");
  std::vector<Prompt> encoded;
  const auto known = decoder.prompts.find("");
  if (known == decoder.prompts.end()) {
    LAP_ASSIGN_OR_RETURN(encoded, encoded_prompts(sources, saved, ""));
  }
  const std::vector<Prompt>& all = known == decoder.prompts.end() ? encoded : known->second;
  const auto some =
      calibration::agreement_prompts(all, std::get<int64_t>(input->shape[1]), kAgreementSamples);
  if (some.empty()) {
    return bad_input(kDecoder, "no text or chat has two tokens to compare the saved graphs on",
                     "add some to the calibration data, or set a longer context_length");
  }
  LAP_ASSIGN_OR_RETURN(
      auto samples, decoder_samples(form_of(decoder.component), sources, saved, reference, some));
  LAP_ASSIGN_OR_RETURN(
      auto graphs, engine::FixedGraphs::open(saved, session_options(), {}, sources.work.silent()));
  LAP_ASSIGN_OR_RETURN(runtime::Decoder runner, runtime::Decoder::create(graphs, {}));
  return calibration::decoder_agreement(reference, samples, some, runner,
                                        saved.manifest.fixed_model->host_logit_softcap,
                                        {.scratch = saved.dir, .work = sources.work});
}

}  // namespace

Result<CalibratedComponent> calibrate_component(PlannedComponent planned,
                                                const CalibrationSources& sources,
                                                const package::Package& saved) {
  planned.graphs.clear();  // of made-up encodings: made anew, they need not be held meanwhile
  Answers answers(form_of(planned), sources, saved);
  LAP_ASSIGN_OR_RETURN(
      PlannedComponent component,
      with_ranges(std::move(planned), sources.recipe, context_of(answers, sources.traits)));
  CalibratedComponent out = answers.take();
  out.component = std::move(component);
  return out;
}

Result<package::Agreement> agreement_of(const CalibratedComponent& calibrated,
                                        const CalibrationSources& sources,
                                        const package::Package& saved) {
  const std::string& component = calibrated.component.name;
  if (component == kDecoder) return decoder_agreement(calibrated, sources, saved);
  LAP_ASSIGN_OR_RETURN(const auto shown, sequences(sources, component, ""));
  // A frame of a video is an image like others.
  std::vector<MediaUse> media = of_component(component, calibration::media_of(shown));
  std::erase_if(media, [](const MediaUse& each) { return each.item.kind == MediaKind::kVideo; });
  media = spread(media, kAgreementSamples);
  LAP_ASSIGN_OR_RETURN(auto samples,
                       encoder_samples(form_of(calibrated.component), sources, media));
  LAP_ASSIGN_OR_RETURN(encoders::MediaEncoder encoder, saved_encoders(sources, saved));
  const auto features = [&](size_t sample) -> Result<std::vector<float>> {
    LAP_ASSIGN_OR_RETURN(const auto encoded,
                         encoder.encode(media[sample].item, sources.work.cancel));
    return encoded.blocks.front()->features;
  };
  return calibration::encoder_agreement(component, calibrated.float_graph, *samples, features,
                                        {.scratch = saved.dir, .work = sources.work});
}

}  // namespace lapidary::build
