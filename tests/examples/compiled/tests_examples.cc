// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include "bad_input/bad_input.h"
#include "built_model.h"
#include "e2e/child.h"
#include "checkpoint/tiny_gguf.h"
#include "example.h"
#include "forms/folders.h"
#include "forms/gguf_file.h"
#include "forms/stored_digest.h"
#include "golden_file.h"
#include "runtime/decoder.h"
#include "fixed_decoder.h"

namespace lapidary::golden {

Status built_model_example(const std::filesystem::path& checkpoint,
                           const std::filesystem::path& scratch_folder) {
  // [tests/built_model.h]
  LAP_ASSIGN_OR_RETURN(BuiltModel model, build_model(checkpoint, scratch_folder));
  LAP_ASSIGN_OR_RETURN(auto decoder, runtime::Decoder::create(model, {.max_context = 64}));
  // [end]
  return {};
}

Status golden_file_example() {
  // [tests/golden_file.h]
  LAP_ASSIGN_OR_RETURN(GoldenFile golden, read_golden("tiny"));
  std::span<const float> logits = golden.cases[0].prefill.row(0);  // at prefill_positions[0]
  // [end]
  use(logits);
  return {};
}

std::vector<float> static_decoder_example(const checkpoint::Checkpoint& checkpoint,
                                          const BuiltModel& model,
                                          const std::filesystem::path& scratch,
                                          const std::vector<int32_t>& ids_but_the_last,
                                          int32_t last_id) {
  // [tests/fixed_decoder.h]
  FixedDecoder decoder(checkpoint, model, {.context = 96, .chunk = 32}, scratch);
  decoder.prefill(ids_but_the_last);                  // the chunk's graph, without logits
  std::vector<float> logits = decoder.step(last_id);  // the graph of one token
  // [end]
  return logits;
}

void stored_digest_example(const tensor::Shape& shape, const std::string& bytes) {
  // [tests/forms/stored_digest.h]
  DigestPieces pieces;
  add_piece(pieces, "a.weight BF16", shape, bytes);
  digest_of(pieces);
  // [end]
}

void folders_example() {
  using checkpoint::TempDir;
  // [tests/forms/folders.h]
  TempDir dir;
  const std::string stored = write_folder("peft", dir);  // the golden's "stored"
  // [end]
  use(stored);
}

void gguf_file_example(const std::filesystem::path& path) {
  // [tests/forms/gguf_file.h]
  const std::string stored = write_gguf("gguf_Q4_K", path);  // the golden's "stored"
  // [end]
  use(stored);
}

}  // namespace lapidary::golden

namespace lapidary::checkpoint {

void tiny_gguf_example(const TempDir& dir) {
  // [checkpoint/tiny_gguf.h]
  dir.write("tiny.gguf", TinyGguf::whole().bytes());
  // [end]
}

}  // namespace lapidary::checkpoint

namespace lapidary::refusals {

void bad_input_example() {
  // [tests/bad_input/bad_input.h]
  Scratch scratch;
  scratch.add_checkpoint();
  scratch.truncate("checkpoint/config.json", 100);
  scratch.expect_refused({"build", scratch.at("checkpoint"), "-o", scratch.at("out")},
                         {"config.json", "not valid JSON"});
  // [end]
}

}  // namespace lapidary::refusals

namespace lapidary::e2e {

void child_example() {
  // [tests/e2e/child.h]
  Outcome out = lapidary({"run", package("cpu-fp32"), "Hello"});
  EXPECT_EQ(out.exit_code, 0) << out.err;
  // [end]
}

}  // namespace lapidary::e2e
