// Token sequences as the inputs of a decoder of fixed length: the samples that calibrate it.
//
//   LAP_ASSIGN_OR_RETURN(auto prompts, reader.prompts(sequences, encoder));  // data.h
//   LAP_ASSIGN_OR_RETURN(DecoderSamples samples,
//                        DecoderSamples::create(graph, embedding, text, model, prompts));
//   LAP_ASSIGN_OR_RETURN(quant::Ranges ranges, calibrate(graph, values, samples, {}, options));
//   LAP_RETURN_IF_ERROR(set_fixed_ranges(graph, model.masked, ranges));
//
// The graph takes, with L its tokens (passes/fixed_shapes/static_llm.h), all float32,
//   inputs_embeds            [1, L, hidden]
//   per_layer_inputs         [1, L, layers * ple]
//   rotary_emb.K.cos, .sin   [1, L, d / 2]
//   attention_mask.K         [1, 1, L, past + L]; K = sliding_attention or full_attention
//   past_key_values.*        [1, n, past, d]; zeros, and masked
// and which of these it declares decides what a sample holds. Several sequences share a row of L
// tokens (row_packing.h), each seeing itself alone. A sequence's positions begin anywhere in the
// context: what it computes depends on distances only, but its rotated queries and keys do not, and
// a short text would show but few of the angles that a long one reaches.
//
// Memory: the ids and soft tokens of all sequences, and the inputs of one row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "calibration/row_packing.h"
#include "calibration/sample_source.h"
#include "engine/prompt.h"
#include "graph/graph.h"
#include "ort/session.h"
#include "package/manifest.h"
#include "quant/ranges.h"

namespace lapidary::calibration {

class DecoderSamples final : public SampleSource {
 public:
  // `embedding` is the package's: input_ids, image_features, audio_features -> inputs_embeds,
  // per_layer_inputs. Errors: kBadInput for no sequences, an empty one, one whose blocks do not fit
  // it, a token that the model does not have, and, naming the input, for an input of another shape
  // or meaning than above.
  static Result<DecoderSamples> create(const graph::Graph& graph, ort::Session embedding,
                                       package::TextModel text, package::FixedModel model,
                                       std::vector<engine::Prompt> sequences);

  Result<std::optional<std::vector<ort::HostTensor>>> next() override;
  Status rewind() override;
  int64_t count() const override { return static_cast<int64_t>(rows_.size()); }

  // What the rows hold: row i is the i-th sample.
  const std::vector<Row>& rows() const { return rows_; }

 private:
  struct Port {
    std::string name;
    std::vector<int64_t> shape;
  };

  DecoderSamples(ort::Session embedding, package::TextModel text, package::FixedModel model,
                 std::vector<engine::Prompt> sequences)
      : embedding_(std::move(embedding)),
        text_(std::move(text)),
        model_(std::move(model)),
        sequences_(std::move(sequences)) {}
  Status check_sequences() const;
  Status read_inputs(const graph::Graph& graph);
  Status check_port(const Port& port) const;
  Result<std::vector<ort::HostTensor>> embed(const Row& row) const;
  std::vector<int64_t> positions(size_t row) const;
  void fill(const Port& port, size_t row, std::span<float> values) const;
  void fill_mask(const Row& row, int64_t window, std::span<float> values) const;

  ort::Session embedding_;
  package::TextModel text_;
  package::FixedModel model_;
  std::vector<engine::Prompt> sequences_;
  std::vector<Port> ports_;
  int64_t length_ = 0;  // tokens of a row
  std::vector<Row> rows_;
  std::vector<int64_t> first_pieces_;  // of each row, counted over all rows
  size_t at_ = 0;
};

// Sets what needs no samples, and what too few would get wrong: masks lie in [masked, 0], rotary
// tables in [-1, 1]. Values that are in `ranges` already are replaced.
Status set_fixed_ranges(const graph::Graph& graph, double masked, quant::Ranges& ranges);

}  // namespace lapidary::calibration
