// A package of a static decoder, opened as the program opens it: on the CPU, and on the emulated
// HTP where Qualcomm's libraries are there (scripts/bootstrap --qnn).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "built_model.h"
#include "checkpoint/test_files.h"
#include "fixed_decoder.h"
#include "gemma4/embedding.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"
#include "htp/compile.h"
#include "htp/worker.h"
#include "package/graph_record.h"
#include "package/side_files.h"
#include "package/text_model.h"
#include "passes/graph_set.h"
#include "runtime/generation.h"
#include "runtime/model.h"

namespace lapidary::golden {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kContext = 128;
constexpr int64_t kChunk = 16;

class FixedPackage : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::path(testing::TempDir()) / ("lapidary_static_package_" + std::to_string(getpid()));
    fs::remove_all(dir_);
    const auto source = take(checkpoint::Checkpoint::open(checkpoint::tiny_checkpoint()));
    manifest_.text = package::text_model(source.config);
    manifest_.fixed_model = fixed_model(source.config.text, kContext, kChunk);
    add(take(gemma4::build_embedding(source.config, source.weights)), "embedding/model.onnx",
        contract::Role::kModel);
    for (passes::RoleGraph& each : fixed_decoder_graphs(source, kContext, kChunk)) {
      const std::string file = "decoder/" + passes::file_stem(each) + ".onnx";
      add(std::move(each.graph), file, each.role);
    }
    take(package::write_side_files(source, manifest_, dir_));
  }
  void TearDown() override { fs::remove_all(dir_); }

  void add(graph::Graph graph, const std::string& file, contract::Role role) {
    package::GraphRecord record = package::take_graph_record(graph, file);
    record.role = role;
    fs::create_directories((dir_ / file).parent_path());
    take(graph::save(graph, dir_ / file, {}));
    manifest_.components.push_back(std::move(record));
  }

  void write_manifest() {
    manifest_.files.clear();
    for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
      const std::string name = entry.path().lexically_relative(dir_).string();
      if (!entry.is_regular_file() || name == package::kManifestFile) continue;
      manifest_.files.push_back(take(package::file_record(dir_, name)));
    }
    take(write_file(dir_ / package::kManifestFile, package::to_json(manifest_).dump()));
  }

  // Each graph alone, for the emulator.
  void compile_emulated(const htp::Libraries& libraries) {
    const target::Target chip = take(target::resolve("v81", ""));
    package::HtpModel htp;
    htp.arch = "v81";
    htp.soc = chip.soc->name;
    htp.soc_model = chip.soc->model;
    const htp::Compiler compiler = take(htp::Compiler::create(libraries, chip, {}));
    fs::create_directories(dir_ / "decoder/emulated");
    for (const package::GraphRecord& graph : manifest_.components) {
      if (graph.role == contract::Role::kModel) continue;
      const std::string stem = std::string("decoder/emulated/") + name_of(graph.role) + ".0";
      htp.emulated.push_back({"decoder", graph.role, 0, stem + ".onnx", stem + ".bin"});
      take(compiler.compile({.name = name_of(graph.role),
                             .graphs = {{dir_ / graph.file, dir_ / (stem + ".onnx")}},
                             .binary = dir_ / (stem + ".bin")}));
    }
    manifest_.htp = htp;
  }

  runtime::Generation answer(const runtime::Model& model) const {
    const Json messages = Json::array({{{"role", "user"},
                                        {"content",
                                         "What is the capital of "
                                         "France, and of Spain?"}}});
    auto decoder = take(model.new_decoder({}));
    runtime::GenerationOptions options = runtime::default_options(model.generation_config());
    options.sampling.greedy = true;
    options.max_tokens = 24;
    options.min_tokens = 24;
    return take(
        generate(decoder, model.tokenizer(), take(model.chat_prompt(messages)), options, {}));
  }
  runtime::Model open(engine::Device device) const {
    runtime::ModelOptions options;
    options.session.threads = 1;
    options.device.device = device;
    return take(runtime::Model::open(dir_, options));
  }

  fs::path dir_;
  package::Manifest manifest_;
};

TEST_F(FixedPackage, SpeaksOnTheCpu) {
  write_manifest();
  const runtime::Model model = open(engine::Device::kCpu);
  EXPECT_EQ(model.max_context(), kContext);
  EXPECT_EQ(answer(model).tokens.size(), 24U);
  runtime::ModelOptions options;
  options.device.device = engine::Device::kHtpEmulated;
  const auto refused = runtime::Model::open(dir_, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("was not compiled for the HTP"));
}

// In this process: catches ports that change their names, shapes or buffers on the way into a
// context binary, and a process that does not survive the vendor's libraries.
TEST_F(FixedPackage, SpeaksTheSameOnTheEmulatedHtp) {
  const auto libraries = htp::find_libraries();
  if (!libraries.ok()) GTEST_SKIP() << libraries.error().message();
  compile_emulated(*libraries);
  write_manifest();
  const auto expected = answer(open(engine::Device::kCpu));
  const auto actual = answer(open(engine::Device::kHtpEmulated));
  EXPECT_EQ(actual.tokens, expected.tokens);
}

}  // namespace
}  // namespace lapidary::golden

int main(int argc, char** argv) {
  if (lapidary::htp::is_worker(argc, argv)) return lapidary::htp::run_worker(argc, argv);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
