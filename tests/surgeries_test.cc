// GraphSurgeries on small models against what Olive's surgeons made of them: ports, operators and
// what the models compute (tests/oracle/make_surgery_goldens.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "base/testing/source_dir.h"
#include "golden_check.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "ort/session.h"
#include "passes/surgeries/graph_surgeries.h"

namespace lapidary::golden {
namespace {

using graph::Graph;

const std::filesystem::path kFolder = source_dir() / "tests/golden/surgeries";

const Json& cases() {
  static const JsonDocument document = take(JsonDocument::load(kFolder / "cases.json"));
  return document.json();
}

Json dims_of(const graph::SymbolicShape& shape) {
  Json out = Json::array();
  for (const graph::Dim& dim : shape)
    std::visit([&](const auto& each) { out.push_back(each); }, dim);
  return out;
}

Json ports_of(const std::vector<graph::ValueInfo>& ports) {
  Json out = Json::array();
  for (const graph::ValueInfo& port : ports) {
    out.push_back({{"name", port.name}, {"dims", dims_of(port.shape)}});
  }
  return out;
}

std::map<std::string, int> operators_of(const Graph& graph) {
  std::map<std::string, int> out;
  for (const graph::Node& node : graph.nodes) ++out[node.op_type];
  return out;
}

template <typename T>
std::vector<std::byte> bytes_of(const Json& values) {
  std::vector<std::byte> out;
  for (const Json& each : values) {
    const T value = each.get<T>();
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    out.insert(out.end(), bytes, bytes + sizeof(T));
  }
  return out;
}

ort::HostTensor tensor_of(const std::string& name, const Json& json) {
  ort::HostTensor out{name,
                      *ort::element_type(json["dtype"].get<std::string>()),
                      json["shape"].get<std::vector<int64_t>>(),
                      {}};
  if (out.type == DType::kFloat) out.data = bytes_of<float>(json["values"]);
  if (out.type == DType::kInt32) out.data = bytes_of<int32_t>(json["values"]);
  if (out.type == DType::kInt64) out.data = bytes_of<int64_t>(json["values"]);
  return out;
}

class Surgeries : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    scratch_ =
        std::filesystem::path(testing::TempDir()) / ("surgeries_" + std::to_string(getpid()));
    std::filesystem::create_directories(scratch_);
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }

  const Json& golden() const { return cases()[GetParam()]; }

  passes::SetOutcome operate() const {
    const Json options = {{"surgeries", golden()["surgeries"]}};
    const JsonDocument document = take(JsonDocument::parse(options.dump(), "recipe.json"));
    JsonReader reader = document.root();
    const passes::BoundPass pass = passes::bind_graph_surgeries(reader);
    take(document.finish());
    passes::GraphSet set(1);
    set[0].graph = take(graph::load(kFolder / (std::string(GetParam()) + ".onnx")));
    return take(pass.run(std::move(set), {}));
  }

  std::filesystem::path scratch_;
};

TEST_P(Surgeries, MakeWhatOliveMakes) {
  const passes::SetOutcome out = operate();
  const Graph& graph = out.graphs[0].graph;
  EXPECT_GT(out.rewritten, 0);
  take(graph::check(graph));
  EXPECT_EQ(ports_of(graph.inputs), golden()["inputs"]);
  Json outputs = golden()["outputs"];
  // Olive gives an exposed value the shape that shape inference found; ours comes from readers.
  if (std::string(GetParam()) == "ports") outputs[1]["dims"] = Json::array();
  EXPECT_EQ(ports_of(graph.outputs), outputs);
  // Lengths that came as inputs go through a few nodes more here, and mean the same.
  if (std::string(GetParam()) != "attention") {
    EXPECT_EQ(Json(operators_of(graph)), golden()["operators"]);
  }

  const auto path = scratch_ / "model.onnx";
  take(graph::save(graph, path, {}));
  const auto session = take(ort::Session::open(path, {.threads = 1, .spinning = false}));
  std::vector<ort::HostTensor> feeds;
  for (const auto& [name, json] : golden()["feeds"].items()) {
    feeds.push_back(tensor_of(name, json));
  }
  for (const ort::HostTensor& result : take(session.run(feeds))) {
    const auto expected = golden()["results"][result.name]["values"].get<std::vector<float>>();
    std::vector<float> actual(result.data.size() / sizeof(float));
    std::memcpy(actual.data(), result.data.data(), result.data.size());
    EXPECT_TRUE(all_near(actual, expected, 1e-5)) << result.name;
  }
}

INSTANTIATE_TEST_SUITE_P(AgainstOlive, Surgeries,
                         testing::Values("gemms", "erf", "reciprocal", "mask", "group_index",
                                         "ports", "attention"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace lapidary::golden
