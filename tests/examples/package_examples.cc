// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include "example.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "package/graph_record.h"
#include "package/held_folder.h"
#include "package/package.h"
#include "package/quality.h"
#include "package/text_model.h"

namespace lapidary::package {

Status component_record_example(graph::Graph graph, const std::filesystem::path& package) {
  // [package/graph_record.h]
  GraphRecord record = take_graph_record(graph, "decoder/model.onnx");
  LAP_ASSIGN_OR_RETURN(auto saved, graph::save(graph, package / record.file, {}));
  // [end]
  return {};
}

Status package_example() {
  // [package/package.h]
  LAP_ASSIGN_OR_RETURN(Package package, Package::open("tiny-int4"));
  LAP_ASSIGN_OR_RETURN(const GraphRecord* decoder, package.component("decoder"));
  LAP_ASSIGN_OR_RETURN(graph::Graph graph, graph::load(package.path(decoder->file)));
  LAP_RETURN_IF_ERROR(package.unchanged());  // what was loaded is what was verified
  // [end]
  return {};
}

Error refusal() { return bad_input("package", "is another one"); }

Status held_folder_example() {
  // [package/held_folder.h]
  LAP_ASSIGN_OR_RETURN(const auto folder, HeldFolder::open("tiny-int4"));
  LAP_ASSIGN_OR_RETURN(const HeldFile file, folder->open_file("tokenizer.json"));
  if (!folder->is_still_at("tiny-int4")) return refusal();
  // [end]
  use(file);
  return {};
}

Status quality_example() {
  // [package/quality.h]
  const std::vector<QualityFigure> figures = {
      {"perplexity", "eval.txt (xxh3 3b2c...)", "cpu", 12674, 1.754}};
  LAP_RETURN_IF_ERROR(record_quality("gemma4-e2b", figures));
  // [end]
  return {};
}

void text_model_example(const checkpoint::Config& config, Manifest& manifest) {
  // [package/text_model.h]
  manifest.text = text_model(config);
  manifest.vision = vision_model(config);
  // [end]
}

}  // namespace lapidary::package
