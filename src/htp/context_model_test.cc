// Context models, and what is said of the nodes in them that the HTP did not take.
#include "htp/context_model.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "htp/cpu_errors.h"
#include "tensor/expressions.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

void add(graph::Graph& graph, const std::string& op, const std::string& name,
         std::vector<std::string> inputs, const std::string& output) {
  graph.nodes.push_back({"", op, name, std::move(inputs), {output}, {}});
}

graph::Graph with_ports(graph::Graph graph, const std::string& in, const std::string& out) {
  graph.name = "g";
  graph.opsets = {{"", 23}};
  graph.inputs = {{in, DType::kFloat, {int64_t{8}}}};
  graph.outputs = {{out, DType::kFloat, {int64_t{8}}}};
  return graph;
}

// x -> Tanh -> DQ -> Erf -> Q -> Tanh
graph::Graph compiled() {
  graph::Graph graph;
  graph.initializers["s"] = tensor::scalar(1.0f);
  add(graph, "DequantizeLinear", "t/DQ", {"t_q", "s"}, "t_d");
  add(graph, "Erf", "the Erf", {"t_d"}, "e");
  add(graph, "QuantizeLinear", "e/Q", {"e", "s"}, "e_q");
  return graph;
}

// As onnxruntime-qnn 2.7.0 leaves it.
graph::Graph context() {
  graph::Graph graph = with_ports({}, "x", "y");
  graph.opsets["com.microsoft"] = 1;
  graph.opsets["ai.onnx.ml"] = 5;
  const auto partition = [&](const std::string& name, const std::string& in,
                             const std::string& out) {
    graph.nodes.push_back({graph::kMicrosoftDomain,
                           "EPContext",
                           name,
                           {in},
                           {out},
                           {{"embed_mode", int64_t{0}}, {"main_context", int64_t{0}}}});
  };
  graph.initializers["s"] = tensor::scalar(1.0f);
  partition("QNN_0", "x", "t_q");
  graph.nodes[0].attributes["ep_cache_context"] = std::string("context_0_qnn.bin");
  add(graph, "DequantizeLinear", "t/DQ/duplicated", {"t_q", "s"}, "t_d");
  add(graph, "Erf", "the Erf", {"t_d"}, "e");
  add(graph, "QuantizeLinear", "e/Q", {"e", "s"}, "e_q");
  partition("QNN_1", "e_q", "y");
  return graph;
}

TEST(ContextModel, NodesOnTheCpuGoByTheNamesTheyHadAndKnowWhomTheyServe) {
  const auto nodes = cpu_nodes(context(), compiled());
  ASSERT_EQ(nodes.size(), 3u);
  EXPECT_EQ(nodes[0].name, "t/DQ");
  EXPECT_EQ(nodes[0].serves, "the Erf");
  EXPECT_EQ(nodes[1].name, "the Erf");
  EXPECT_EQ(nodes[1].serves, "");
  EXPECT_EQ(nodes[2].serves, "the Erf");
}

TEST(ContextModel, IsSavedWithThePathOfItsBinaryAndTheOpsetsItNeeds) {
  const fs::path file = fs::path(testing::TempDir()) / fmt::format("context_{}.onnx", getpid());
  graph::Graph made = context();
  made.ir_version = 13;  // as ONNX Runtime 1.31 writes it
  const auto files = save_context(std::move(made), "bins/part.0.bin", file);
  ASSERT_TRUE(files.ok()) << files.error().message();
  const auto saved = graph::load(file);
  fs::remove(file);
  ASSERT_TRUE(saved.ok()) << saved.error().message();
  EXPECT_EQ(*binary_of(*saved, "saved"), "bins/part.0.bin");
  EXPECT_EQ(saved->opsets.count("ai.onnx.ml"), 0u);
  EXPECT_EQ(saved->opsets.count("com.microsoft"), 1u);
  EXPECT_EQ(saved->ir_version, 11);
  // The second partition refers to the first one's binary, and has none of its own.
  EXPECT_EQ(saved->nodes.back().attributes.count("ep_cache_context"), 0u);
}

TEST(ContextModel, ABinaryInsideIsFound) {
  graph::Graph graph = context();
  EXPECT_FALSE(embedded_binary(graph, "here").ok());
  graph.nodes[0].attributes["embed_mode"] = int64_t{1};
  graph.nodes[0].attributes["ep_cache_context"] = std::string("bytes");
  EXPECT_EQ(*binary_of(graph, "here"), "");
  EXPECT_EQ(embedded_binary(graph, "here")->size(), 5u);
  graph.nodes[0].attributes.erase("ep_cache_context");
  EXPECT_FALSE(binary_of(graph, "here").ok());
}

class CpuErrors : public testing::Test {
 protected:
  Status check(const std::vector<std::string>& allowed,
               const std::vector<Refusal>& refused = {}) const {
    return check_cpu_nodes(cpu_nodes(context(), model_), allowed, refused, {file_, model_, chip_});
  }

  const fs::path file_ = "decode.0.onnx";
  const graph::Graph model_ = with_ports(compiled(), "t_q", "e_q");
  const target::Target chip_ = *target::resolve("v81", "");
};

TEST_F(CpuErrors, AnAllowedNodeTakesItsQuantizeNodesWithIt) {
  EXPECT_TRUE(check({"the*"}).ok());
  EXPECT_TRUE(check({"nobody", "the Erf"}).ok());
}

TEST_F(CpuErrors, AnotherNodeIsNamedWithReasonAndRemedy) {
  const Status bad = check({"t/*"}, {{"the Erf", "Erf", "no such operator"}});
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(bad.error().message(),
              AllOf(HasSubstr("decode.0.onnx"), HasSubstr("Erf 'the Erf': no such operator"),
                    HasSubstr("'e/Q'"), Not(HasSubstr("'t/DQ'")), HasSubstr("--allow-cpu"),
                    HasSubstr("write Gelu")));  // the target's rule about Erf
}

// Catches "nodes are assigned to the default CPU EP" as all that a user is told.
TEST_F(CpuErrors, WhenTheLogNamesNoNodeASecondCompileTellsWhichItWas) {
  const fs::path folder = fs::path(testing::TempDir()) / fmt::format("cpu_errors_{}", getpid());
  fs::create_directories(folder);
  ASSERT_TRUE(graph::save(model_, folder / "m.onnx", {}).ok());
  ASSERT_TRUE(save_context(context(), "context_0_qnn.bin", folder / "context.onnx").ok());
  // Plays the compiler: leaves the context model, the Erf in it.
  const fs::path program = folder / "compiler.sh";
  std::ofstream(program)
      << "#!/bin/sh\ncd \"$2\"; cp " << (folder / "context.onnx").string() << " context_0.onnx\n"
      << "touch job_0.log context_0_qnn.bin; echo '{\"peak_bytes\": 1}' > job_0.json\n";
  fs::permissions(program, fs::perms::owner_all);
  CompilerRun run{.name = "part 0", .models = {folder / "m.onnx"}};
  run.program = program;
  const NotTaken not_taken{folder / "m.onnx", {}, "", "assigned to the default CPU EP"};
  const Error told = explain(not_taken, run, folder / "work", chip_);
  EXPECT_THAT(told.message(), AllOf(HasSubstr("3 nodes"), HasSubstr("Erf 'the Erf'")));
  run.program = "/bin/false";
  EXPECT_THAT(explain(not_taken, run, folder / "work", chip_).message(),
              HasSubstr("assigned to the default CPU EP"));
  fs::remove_all(folder);
}

TEST_F(CpuErrors, ManyNodesAreCountedNotAllNamed) {
  std::vector<CpuNode> nodes;
  for (int i = 0; i < 12; ++i) nodes.push_back({fmt::format("node {}", i), "Foo", ""});
  const Status bad = check_cpu_nodes(nodes, {}, {}, {file_, model_, chip_});
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message(), AllOf(HasSubstr("12 nodes"), HasSubstr("'node 4'"),
                                           HasSubstr("and 7 more"), Not(HasSubstr("'node 5'"))));
}

}  // namespace
}  // namespace lapidary::htp
