// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "calibration/agreement.h"
#include "calibration/calibrate.h"
#include "calibration/chat_media.h"
#include "calibration/data.h"
#include "calibration/data_config.h"
#include "calibration/decoder_agreement.h"
#include "calibration/decoder_samples.h"
#include "calibration/encoder_samples.h"
#include "calibration/hand_over.h"
#include "calibration/moments.h"
#include "calibration/observed_run.h"
#include "calibration/part_ends.h"
#include "calibration/range_collector.h"
#include "calibration/row_packing.h"
#include "example.h"
#include "passes/static_quantization/static_quantization.h"

namespace lapidary::calibration {

Status agreement_example(const std::vector<float>& expected, const std::vector<float>& found,
                         int64_t hidden) {
  // [calibration/agreement.h]
  AgreementMeter meter;
  LAP_RETURN_IF_ERROR(meter.add(expected, found, hidden));  // rows of one sample
  package::Agreement all = meter.result("vision_encoder", "image_features");
  // [end]
  EXPECT_EQ(all.samples, 1);
  return {};
}

Status calibrate_example(const graph::Graph& graph,
                         const passes::StaticQuantizationOptions& options,
                         const target::QuantizationTraits& traits, SampleSource& samples,
                         const std::filesystem::path& folder) {
  // [calibration/calibrate.h]
  LAP_ASSIGN_OR_RETURN(auto values, passes::values_to_calibrate(graph, options, traits));
  LAP_ASSIGN_OR_RETURN(quant::Ranges ranges,
                       calibrate(graph, values, samples, {}, {.scratch = folder}));
  // [end]
  return {};
}

Status chat_media_example(Json& messages) {
  // [calibration/chat_media.h]
  LAP_ASSIGN_OR_RETURN(std::vector<encoders::MediaItem> media,
                       take_media(messages, "corpus", "corpus/chats.jsonl:3"));
  // [end]
  return {};
}

Status data_example(const std::filesystem::path& checkpoint_folder,
                    const package::Manifest& manifest, const DataConfig& config,
                    encoders::MediaEncoder* encoder) {
  // [calibration/data.h]
  LAP_ASSIGN_OR_RETURN(DataReader reader, DataReader::open(checkpoint_folder, manifest));
  LAP_ASSIGN_OR_RETURN(std::vector<Sequence> sequences, reader.load(config));
  LAP_ASSIGN_OR_RETURN(std::vector<engine::Prompt> prompts, reader.prompts(sequences, encoder));
  // [end]
  return {};
}

Status hand_over_example(const std::filesystem::path& folder, std::vector<ort::HostTensor> sample) {
  // [calibration/hand_over.h]
  LAP_ASSIGN_OR_RETURN(HandOverWriter writer, HandOverWriter::create(folder));
  LAP_RETURN_IF_ERROR(writer.put(std::move(sample)));
  LAP_ASSIGN_OR_RETURN(HandOver read, std::move(writer).finish());
  LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> again, read.next());
  // [end]
  return {};
}

void part_ends_example(const graph::Graph& graph, const graph::NodeRanges::Declare& declare) {
  // [calibration/part_ends.h]
  const graph::NodeRanges ranges(graph);
  size_t begin = 0;
  for (const size_t end : part_ends(graph, ranges, int64_t{1} << 30)) {
    const graph::Graph part = ranges.cut(begin, end, declare);
    begin = end;
  }
  // [end]
}

DataConfig data_config_example(JsonReader& reader, const std::filesystem::path& recipe_file) {
  // [calibration/data_config.h]
  DataConfig config = read_data_config(reader, recipe_file.parent_path());
  // [end]
  return config;
}

Status decoder_agreement_example(const graph::Graph& graph, const ort::Session& embedding,
                                 const package::TextModel& text, const package::FixedModel& model,
                                 const std::vector<engine::Prompt>& all, int64_t length,
                                 runtime::Decoder& decoder, const RunOptions& options) {
  // [calibration/decoder_agreement.h]
  auto prompts = agreement_prompts(all, length, 4);
  LAP_ASSIGN_OR_RETURN(auto samples,
                       DecoderSamples::create(graph, embedding, text, model, prompts));
  LAP_ASSIGN_OR_RETURN(package::Agreement found,
                       decoder_agreement(graph, samples, prompts, decoder, 0, options));
  // [end]
  use(found);
  return {};
}

Status decoder_samples_example(const DataReader& reader, const std::vector<Sequence>& sequences,
                               encoders::MediaEncoder* encoder, const graph::Graph& graph,
                               const ort::Session& embedding, const package::TextModel& text,
                               const package::FixedModel& model,
                               const std::vector<std::string>& values, const RunOptions& options) {
  // [calibration/decoder_samples.h]
  LAP_ASSIGN_OR_RETURN(auto prompts, reader.prompts(sequences, encoder));  // data.h
  LAP_ASSIGN_OR_RETURN(DecoderSamples samples,
                       DecoderSamples::create(graph, embedding, text, model, prompts));
  LAP_ASSIGN_OR_RETURN(quant::Ranges ranges, calibrate(graph, values, samples, {}, options));
  LAP_RETURN_IF_ERROR(set_fixed_ranges(graph, model.masked, ranges));
  // [end]
  return {};
}

Status encoder_samples_example(const std::vector<Sequence>& sequences,
                               const checkpoint::ProcessorConfig& processor,
                               const package::VisionModel& vision, const graph::Graph& graph,
                               const std::vector<std::string>& values, const RunOptions& options) {
  // [calibration/encoder_samples.h]
  LAP_ASSIGN_OR_RETURN(auto samples, vision_samples(media_of(sequences), processor, vision));
  LAP_ASSIGN_OR_RETURN(quant::Ranges ranges, calibrate(graph, values, *samples, {}, options));
  LAP_RETURN_IF_ERROR(set_fixed_encoder_ranges(graph, vision.fixed_encoder->masked, ranges));
  // [end]
  return {};
}

Status moments_example(const graph::Graph& graph, SampleSource& samples,
                       const std::filesystem::path& folder) {
  // [calibration/moments.h]
  LAP_ASSIGN_OR_RETURN(quant::Moments moments,
                       collect_moments(graph, {"layers.0.input_layernorm/RMSNormalization"}, 128,
                                       samples, {.scratch = folder}));
  // [end]
  return {};
}

Status observed_run_example(const graph::Graph& graph, SampleSource& samples,
                            std::vector<RangeCollector>& collectors,
                            const std::filesystem::path& folder) {
  // [calibration/observed_run.h]
  LAP_RETURN_IF_ERROR(observe_samples(graph, {"layers.0/MatMul"}, samples, {.scratch = folder},
                                      [&](size_t index, const ort::Observed& value) {
                                        return collectors[index].add(value.values);
                                      }));
  // [end]
  return {};
}

Status range_collector_example(const std::vector<float>& values) {
  // [calibration/range_collector.h]
  RangeCollector collector({.method = Method::kPercentile});
  LAP_RETURN_IF_ERROR(collector.add(values));  // for each sample
  LAP_ASSIGN_OR_RETURN(quant::Range range, collector.range());
  // [end]
  EXPECT_LE(range.max, 3.0F);
  return {};
}

void row_packing_example(const std::vector<int64_t>& lengths) {
  // [calibration/row_packing.h]
  for (const Row& row : pack_rows(lengths, 256)) {
    for (const Piece& piece : row) use(piece.sequence, piece.length());  // lengths sum to 256
  }
  // [end]
}

TEST(CalibrationExamples, Figures) {
  expect_ok(agreement_example({1, 2, 3, 4}, {1, 2, 3, 4}, 2));
  expect_ok(range_collector_example({-1.0F, 0.5F, 3.0F}));
  row_packing_example({100, 200, 300});
}

}  // namespace lapidary::calibration
