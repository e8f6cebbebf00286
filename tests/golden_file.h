// What tests/oracle/make_text_goldens.py wrote: tests/golden/text_model/NAME.json and NAME.f32.
//
//   LAP_ASSIGN_OR_RETURN(GoldenFile golden, read_golden("tiny"));
//   std::span<const float> logits = golden.cases[0].prefill.row(0);  // at prefill_positions[0]
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace lapidary::golden {

// A float32 array of the .f32 file.
struct Array {
  std::vector<int64_t> shape;
  std::vector<float> data;

  int64_t rows() const { return shape.empty() ? 0 : shape.front(); }
  // One row of a matrix.
  std::span<const float> row(int64_t i) const;
};

// A LoRA adapter of tests/golden/adapters/NAME.
struct GoldenAdapter {
  std::string name;
  double weight = 1;
};

struct WeightRow {
  std::string tensor;
  int64_t row = 0;
  Array values;
};

struct Case {
  std::string name;
  std::vector<int64_t> input_ids;
  std::vector<int64_t> prefill_positions;
  Array prefill;                // [positions, vocab]: logits of the prompt in one pass
  std::vector<int64_t> tokens;  // greedy continuation, one token at a time
  int64_t min_tokens = 0;       // stop tokens were masked for the first min_tokens
  std::vector<int64_t> after;   // indices into `tokens`
  Array decode;                 // [after, vocab]: logits of the step that reads tokens[after[i]]

  // Only in bidirectional.json, by make_bidirectional_goldens.py.
  std::vector<int64_t> token_types;  // mm_token_type_ids
  Array image_features;              // [image tokens, hidden]
  Array causal;                      // [1, vocab]: last position's logits without token_types

  // Only in adapters.json, by tools/adapters/make.py.
  std::vector<GoldenAdapter> adapters;  // active at once
  std::vector<WeightRow> merged;        // of weights that they change

  // Only in forms.json, by tools/checkpoint_forms/make.py.
  std::string question;       // of the chat whose ids are input_ids
  std::string stored_digest;  // of the tensors that the form holds (forms/stored_digest.h)
  std::string values_digest;  // of the text weights that they are
};

struct EmbeddingCase {
  std::string name;
  std::vector<int64_t> input_ids;
  Array image_features;  // [image tokens, hidden]
  Array audio_features;  // [audio tokens, hidden]
  Array inputs_embeds;   // [positions, hidden]
  Array per_layer_inputs;
  Array last_logits;  // [vocab]
};

struct GoldenFile {
  std::filesystem::path checkpoint;
  std::vector<int64_t> stop_tokens;
  std::vector<Case> cases;
  std::vector<EmbeddingCase> embedding;
};

Result<GoldenFile> read_golden(const std::string& name);

}  // namespace lapidary::golden
