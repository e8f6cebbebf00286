// A decoder of fixed lengths (passes/fixed_shapes/static_llm.h) driven by a plain host: its caches, masks and
// rotary tables are made here from scratch, row by row, to prove what the graphs compute.
//
//   FixedDecoder decoder(checkpoint, model, {.context = 96, .chunk = 32}, scratch);
//   decoder.prefill(ids_but_the_last);                  // the chunk's graph, without logits
//   std::vector<float> logits = decoder.step(last_id);  // the graph of one token
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "built_model.h"
#include "checkpoint/checkpoint.h"
#include "graph/graph.h"
#include "ort/session.h"
#include "package/manifest.h"
#include "passes/fixed_shapes/static_llm.h"
#include "passes/graph_set.h"

namespace lapidary::golden {

// The checkpoint's decoder at fixed lengths, in plain operators. Errors throw.
graph::Graph fixed_decoder_graph(const checkpoint::Checkpoint& source,
                                 const passes::StaticLlmOptions& options);
// Two of them: prefill of `chunk` tokens, without logits, and decode of one, with. Errors throw.
passes::GraphSet fixed_decoder_graphs(const checkpoint::Checkpoint& source, int64_t context,
                                      int64_t chunk);
// What their package's manifest says of them.
package::FixedModel fixed_model(const checkpoint::TextConfig& config, int64_t context,
                                int64_t chunk);

struct FixedDecoderOptions {
  int64_t context = 0;
  int64_t chunk = 1;
  bool chunk_logits = false;
};

// Errors throw.
class FixedDecoder {
 public:
  // `model` embeds the tokens.
  FixedDecoder(checkpoint::Checkpoint source, BuiltModel model, const FixedDecoderOptions& options,
               const std::filesystem::path& scratch);

  // Appends the tokens in chunks, the last one filled up with token 0. Returns the logits of all of
  // them with chunk_logits, else nothing.
  std::vector<float> prefill(std::span<const int32_t> ids);
  // Appends one token; its logits.
  std::vector<float> step(int32_t id);

 private:
  struct FixedGraph {
    ort::Session session;
    int64_t length = 0;  // tokens of a run
  };
  // Rows of one cache tensor: [heads][positions][head_dim].
  using Rows = std::vector<std::vector<float>>;

  FixedGraph make(int64_t length, bool logits, const std::filesystem::path& path) const;
  std::vector<float> run(const FixedGraph& graph, std::span<const int32_t> ids);
  std::vector<float> input_of(const ort::Port& port, const Embedded& embedded, int64_t length);
  std::vector<float> past_rows(const std::string& cache, const std::vector<int64_t>& dims) const;
  std::vector<float> mask(bool full, const std::vector<int64_t>& dims) const;
  std::vector<float> table(bool full, bool cosine, int64_t length) const;
  void append(const std::string& cache, const std::vector<float>& rows,
              const std::vector<int64_t>& dims, int64_t count);

  checkpoint::Checkpoint source_;
  BuiltModel model_;
  FixedDecoderOptions options_;
  FixedGraph chunk_, token_;
  std::map<std::string, Rows> caches_;  // by "N.key" or "N.value"
  int64_t held_ = 0;                    // positions
};

}  // namespace lapidary::golden
