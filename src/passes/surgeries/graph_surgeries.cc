#include "passes/surgeries/graph_surgeries.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>
#include <utility>

#include "passes/surgeries/attention_mask_to_sequence_lengths.h"
#include "passes/surgeries/operator_surgeons.h"
#include "passes/surgeries/port_surgeons.h"
#include "passes/surgeries/remove_logit_softcap.h"

namespace lapidary::passes {
namespace {

using graph::Graph;

bool same_name(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

Surgery plain(PassOutcome (*surgery)(Graph)) {
  return [surgery](Graph graph) -> Result<PassOutcome> { return surgery(std::move(graph)); };
}

// Models are written without the shapes of inner values: readers infer them.
Surgery bind_shapes(JsonReader&) {
  return [](Graph graph) -> Result<PassOutcome> {
    const std::string name = graph.name;
    return PassOutcome{
        std::move(graph), 0, {{name, "models hold no shapes of inner values; readers infer them"}}};
  };
}

Surgery bind_surgery(JsonReader& reader) {
  const std::string name = reader.string("surgeon");
  std::vector<std::string_view> known;
  for (const Surgeon& surgeon : surgeons()) {
    if (same_name(name, surgeon.name)) return surgeon.bind(reader);
    known.emplace_back(surgeon.name);
  }
  if (!name.empty()) {
    reader.fail("surgeon", fmt::format("surgeon '{}' is not known", name),
                fmt::format("known surgeons: {}", fmt::join(known, ", ")), ErrorKind::kUnsupported);
  }
  return plain([](Graph graph) { return PassOutcome{std::move(graph), 0, {}}; });
}

}  // namespace

const std::vector<Surgeon>& surgeons() {
  static const std::vector<Surgeon> all = {
      {"AttentionMaskToSequenceLengths",
       [](JsonReader&) { return plain(&attention_mask_to_sequence_lengths); }},
      {"ExposeOutputs", &bind_expose_outputs},
      {"GemmToMatMulAdd", [](JsonReader&) { return plain(&gemm_to_matmul_add); }},
      {"InferShapes", &bind_shapes},
      {"ReciprocalMulToDiv", [](JsonReader&) { return plain(&reciprocal_mul_to_div); }},
      {"RemoveGidxFromMatMulNBits",
       [](JsonReader&) -> Surgery { return &remove_gidx_from_matmul_nbits; }},
      {"RemoveInitializerFromInputs",
       [](JsonReader&) { return plain(&remove_initializer_from_inputs); }},
      {"RemoveInputs", &bind_remove_inputs},
      {"RemoveLogitSoftcap", [](JsonReader&) -> Surgery { return &remove_logit_softcap; }},
      {"RemoveShapes", &bind_shapes},
      {"RenameInputDims", &bind_rename_input_dims},
      {"RenameInputs", &bind_rename_inputs},
      {"RenameOutputDims", &bind_rename_output_dims},
      {"RenameOutputs", &bind_rename_outputs},
      {"ReorderInputs", &bind_reorder_inputs},
      {"ReplaceAttentionMaskValue", &bind_replace_attention_mask_value},
      {"ReplaceErfWithTanh", [](JsonReader&) { return plain(&replace_erf_with_tanh); }},
  };
  return all;
}

BoundPass bind_graph_surgeries(JsonReader& reader) {
  reader.ignore({"remove_duplicate_initializers", "save_as_external_data",
                 "all_tensors_to_one_file", "external_data_name", "size_threshold",
                 "convert_attribute"});
  std::vector<Surgery> list;
  Json json = Json::array();
  for (JsonReader& each : reader.objects("surgeries", "[{\"surgeon\": NAME, ...}, ...]")) {
    json.push_back(each.json());
    list.push_back(bind_surgery(each));
    each.reject_unknown("this surgeon has no such option");
  }
  reader.reject_unknown();
  const auto run = [list](Graph graph) -> Result<PassOutcome> {
    PassOutcome all;
    all.graph = std::move(graph);
    for (const Surgery& surgery : list) {
      LAP_ASSIGN_OR_RETURN(PassOutcome one, surgery(std::move(all.graph)));
      all.graph = std::move(one.graph);
      all.rewritten += one.rewritten;
      std::move(one.declined.begin(), one.declined.end(), std::back_inserter(all.declined));
    }
    return all;
  };
  return per_graph("GraphSurgeries", {{"surgeries", std::move(json)}}, run);
}

}  // namespace lapidary::passes
