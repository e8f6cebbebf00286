#include "golden_file.h"

#include <fstream>
#include <utility>

#include "base/json.h"
#include "base/testing/source_dir.h"

namespace lapidary::golden {
namespace {

using Path = std::filesystem::path;

Result<std::vector<float>> read_floats(const Path& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return io_error(path.string(), "cannot be opened");
  std::vector<float> data(static_cast<size_t>(in.tellg()) / sizeof(float));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(data.data()),  // NOLINT: bytes into floats
          static_cast<std::streamsize>(data.size() * sizeof(float)));
  if (!in) return io_error(path.string(), "cannot be read");
  return data;
}

Array read_array(const Json& reference, const std::vector<float>& blob) {
  Array array;
  if (reference.is_null()) return array;
  array.shape = reference.at("shape").get<std::vector<int64_t>>();
  size_t count = 1;
  for (int64_t dim : array.shape) count *= static_cast<size_t>(dim);
  const auto begin = blob.begin() + reference.at("offset").get<int64_t>();
  array.data.assign(begin, begin + static_cast<int64_t>(count));
  return array;
}

Case read_case(const Json& json, const std::vector<float>& blob) {
  Case result;
  result.name = json.at("name");
  result.input_ids = json.at("input_ids").get<std::vector<int64_t>>();
  result.prefill_positions = json.at("prefill").at("positions").get<std::vector<int64_t>>();
  result.prefill = read_array(json.at("prefill").at("logits"), blob);
  result.tokens = json.at("greedy").at("tokens").get<std::vector<int64_t>>();
  result.min_tokens = json.at("greedy").at("min_tokens");
  result.after = json.at("decode").at("after").get<std::vector<int64_t>>();
  result.decode = read_array(json.at("decode").at("logits"), blob);
  if (json.contains("token_types")) {
    result.token_types = json.at("token_types").get<std::vector<int64_t>>();
    result.image_features = read_array(json.at("image_features"), blob);
    result.causal = read_array(json.at("causal"), blob);
  }
  if (json.contains("adapters")) {
    for (const Json& one : json.at("adapters")) result.adapters.push_back({one.at(0), one.at(1)});
    for (const Json& one : json.at("merged")) {
      result.merged.push_back({one.at("name"), one.at("row"), read_array(one.at("values"), blob)});
    }
  }
  if (json.contains("question")) {
    result.question = json.at("question");
    result.stored_digest = json.at("stored");
    result.values_digest = json.at("values");
  }
  return result;
}

EmbeddingCase read_embedding_case(const Json& json, const std::vector<float>& blob) {
  return {json.at("name"),
          json.at("input_ids").get<std::vector<int64_t>>(),
          read_array(json.at("image_features"), blob),
          read_array(json.at("audio_features"), blob),
          read_array(json.at("inputs_embeds"), blob),
          read_array(json.at("per_layer_inputs"), blob),
          read_array(json.at("last_logits"), blob)};
}

}  // namespace

std::span<const float> Array::row(int64_t i) const {
  const size_t width = data.size() / static_cast<size_t>(rows());
  return std::span(data).subspan(static_cast<size_t>(i) * width, width);
}

Result<GoldenFile> read_golden(const std::string& name) {
  const Path folder = source_dir() / "tests/golden/text_model";
  LAP_ASSIGN_OR_RETURN(const Json json, load_json(folder / (name + ".json")));
  LAP_ASSIGN_OR_RETURN(const std::vector<float> blob,
                       read_floats(folder / json.at("blob").get<std::string>()));
  GoldenFile golden;
  golden.checkpoint = source_dir() / json.at("checkpoint").get<std::string>();
  golden.stop_tokens = json.at("stop_tokens").get<std::vector<int64_t>>();
  for (const Json& one : json.at("cases")) golden.cases.push_back(read_case(one, blob));
  if (json.contains("embedding")) {
    for (const Json& one : json.at("embedding")) {
      golden.embedding.push_back(read_embedding_case(one, blob));
    }
  }
  return golden;
}

}  // namespace lapidary::golden
