// Context binaries of small graphs, made by the vendor's compiler.
#include "htp/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "graph/onnx_reader.h"
#include "htp/context_model.h"
#include "htp/emulator.h"
#include "models.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string bytes_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

size_t entries_of(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

// Tanh -> Erf -> Tanh; the HTP does not take Erf.
Graph with_erf() {
  Graph graph = one_op("Tanh", {1, 8});
  graph.nodes[0].outputs = {"a"};
  graph.nodes.push_back({"", "Erf", "the Erf", {"a"}, {"b"}, {}});
  graph.nodes.push_back({"", "Tanh", "last Tanh", {"b"}, {"y"}, {}});
  return graph;
}

class HtpCompile : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = find_libraries();
    if (!found.ok()) GTEST_SKIP() << found.error().message();
    libraries_ = *found;
  }
  void TearDown() override { fs::remove_all(test_folder()); }

  Compiler compiler(CompilerSettings settings = {}, const std::string& arch = "v81") const {
    return *Compiler::create(libraries_, *target::resolve(arch, ""), std::move(settings));
  }
  // One graph, to out/FILE and out/part.bin.
  static CompileJob job(const fs::path& model) {
    const fs::path out = test_folder() / "out";
    return {"the part", {{model, out / model.filename()}}, out / "part.bin"};
  }

  Libraries libraries_;
};

// Catches a binary for another arch than asked, and a stack that ignores the arch.
TEST_F(HtpCompile, EachArchStandsInTheBytesOfItsBinary) {
  const fs::path model = saved(matmul_a16w8(256, 64, 8.0f), "m.onnx");
  for (const auto& [arch, soc] : std::map<std::string, std::string>{
           {"v73", "SC8380XP"}, {"v75", "SM8650"}, {"v79", "SM8750"}, {"v81", "SM8850"}}) {
    const auto out = compiler({}, arch).compile(job(model));
    ASSERT_TRUE(out.ok()) << out.error().message();
    EXPECT_EQ(out->arch, arch);
    EXPECT_EQ(out->soc, soc);
    EXPECT_THAT(bytes_of(test_folder() / "out/part.bin"), HasSubstr(";arch=" + arch.substr(1)));
  }
}

// The stack compiles for the SoC where SoC and arch differ, without a word.
TEST_F(HtpCompile, ABinaryForAnotherArchThanAskedIsAnError) {
  const target::Soc* other = target::resolve("", "SM8750")->soc;
  const auto compiler = Compiler::create(libraries_, {target::Arch::kV81, other}, {});
  ASSERT_TRUE(compiler.ok()) << compiler.error().message();
  const auto out = compiler->compile(job(saved(one_op("Tanh", {1, 8}), "tanh.onnx")));
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.error().message(), AllOf(HasSubstr("for v79"), HasSubstr("instead of v81")));
  EXPECT_EQ(entries_of(test_folder() / "out"), 0u);
}

TEST_F(HtpCompile, OneGraphBecomesOneBinaryAndItsClaims) {
  const auto out = compiler().compile(job(saved(matmul_a16w8(256, 64, 8.0f), "m.onnx")));
  ASSERT_TRUE(out.ok()) << out.error().message();
  EXPECT_EQ(entries_of(test_folder() / "out"), 2u);
  EXPECT_EQ(out->binary_bytes, fs::file_size(test_folder() / "out/part.bin"));
  EXPECT_GT(out->peak_bytes, 1 << 20);
  EXPECT_FALSE(out->cached);
  ASSERT_EQ(out->graphs.size(), 1u);
  const NodeClaims& nodes = out->graphs[0].nodes;
  EXPECT_DOUBLE_EQ(nodes.percent_on_htp(), 100);
  EXPECT_TRUE(nodes.added.empty());
  ASSERT_EQ(nodes.nodes[3].name, "proj/MatMul");
  EXPECT_EQ(nodes.nodes[3].qnn.at(0).type, "FullyConnected");
  EXPECT_EQ(nodes.nodes[3].dtype, "ufixed16");
  ASSERT_EQ(nodes.nodes[3].constants.size(), 1u);
  EXPECT_EQ(nodes.nodes[3].constants[0].dtype, "sfixed8");
  EXPECT_EQ(nodes.nodes[3].constants[0].encoding, "AXIS");
  EXPECT_EQ(nodes.nodes[2].place, NodeClaim::Place::kFolded);
}

// What the emulator loads is what was compiled.
TEST_F(HtpCompile, TheContextModelRuns) {
  const fs::path model = saved(matmul_a16w8(256, 64, 8.0f), "m.onnx");
  CompileJob embedded = job(model);
  embedded.binary = "";
  embedded.embed = true;
  embedded.graphs[0].output = test_folder() / "out/embedded.onnx";
  const auto beside = compiler().compile(job(model));
  ASSERT_TRUE(beside.ok()) << beside.error().message();
  const auto inside = compiler().compile(embedded);
  ASSERT_TRUE(inside.ok()) << inside.error().message();
  EXPECT_EQ(inside->arch, "v81");
  const std::vector<ort::HostTensor> x = {float_tensor("x", {1, 256}, gaussian(256, 1))};
  const auto reference = ort::Session::open(model, {.threads = 1})->run(x);
  ASSERT_TRUE(reference.ok()) << reference.error().message();
  const auto emulator = Emulator::create(libraries_, *target::resolve("v81", ""), {});
  for (const char* file : {"m.onnx", "embedded.onnx"}) {
    const auto run = emulator->run({test_folder() / "out" / file, x}, test_folder() / "run");
    ASSERT_TRUE(run.ok()) << file << ": " << run.error().message();
    EXPECT_LT(relative_error(floats_of(run->outputs[0]), floats_of((*reference)[0])), 5e-4);
  }
}

// Catches two binaries, a wrapper that refers to a file that is not in the package, and weights
// that are stored twice.
TEST_F(HtpCompile, GraphsOfAJobShareTheirWeights) {
  const auto batch = [](int64_t rows) {
    Graph graph = matmul_a16w8(512, 512, 8.0f);
    graph.inputs[0].shape[0] = rows;
    graph.outputs[0].shape[0] = rows;
    return graph;
  };
  const fs::path one = saved(batch(1), "decode.onnx");
  const fs::path many = saved(batch(16), "prefill.onnx");
  const fs::path out = test_folder() / "out";
  const CompileJob together{"part 0",
                            {{many, out / "prefill.onnx"}, {one, out / "decode.onnx"}},
                            out / "bins/part.0.bin"};
  const auto shared = compiler().compile(together);
  ASSERT_TRUE(shared.ok()) << shared.error().message();
  EXPECT_EQ(shared->graphs.size(), 2u);
  EXPECT_EQ(entries_of(out), 3u);
  EXPECT_EQ(entries_of(out / "bins"), 1u);
  std::set<std::string> partitions;
  for (const char* file : {"prefill.onnx", "decode.onnx"}) {
    const auto context = graph::load(out / file);
    ASSERT_TRUE(context.ok()) << context.error().message();
    EXPECT_EQ(*binary_of(*context, file), "bins/part.0.bin");
    partitions.insert(std::get<std::string>(context->nodes.at(0).attributes.at("partition_name")));
  }
  EXPECT_EQ(partitions.size(), 2u);
  uint64_t apart = 0;
  for (const fs::path& model : {one, many}) {
    const auto alone = compiler().compile(
        {"alone", {{model, test_folder() / "alone.onnx"}}, test_folder() / "alone.bin"});
    ASSERT_TRUE(alone.ok()) << alone.error().message();
    apart += alone->binary_bytes;
  }
  EXPECT_LT(shared->binary_bytes + 200'000, apart);  // 262144 bytes of weights
}

TEST_F(HtpCompile, ARefusedNodeIsNamedAndNothingIsLeft) {
  const auto out = compiler().compile(job(saved(with_erf(), "erf.onnx")));
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(out.error().message(),
              AllOf(HasSubstr("erf.onnx"), HasSubstr("Erf 'the Erf'"), HasSubstr("not supported"),
                    HasSubstr("--allow-cpu"), Not(HasSubstr("Tanh"))));
  EXPECT_EQ(entries_of(test_folder() / "out"), 0u);
}

TEST_F(HtpCompile, AnAllowedNodeRunsOnTheCpuAndIsListed) {
  const fs::path model = saved(with_erf(), "erf.onnx");
  const auto out = compiler({.allow_cpu = {"*Erf"}}).compile(job(model));
  ASSERT_TRUE(out.ok()) << out.error().message();
  EXPECT_THAT(out->graphs[0].cpu_nodes, ElementsAre("the Erf"));
  EXPECT_EQ(out->graphs[0].nodes.count(NodeClaim::Place::kHtp), 2u);
  const auto other = compiler({.allow_cpu = {"*Tanh"}}).compile(job(model));
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message(), HasSubstr("Erf 'the Erf'"));
}

TEST_F(HtpCompile, AMemoryLimitLeavesNothing) {
  const auto out = compiler({.limits = {.memory_bytes = 40 << 20}})
                       .compile(job(saved(matmul_a16w8(256, 64, 8.0f), "m.onnx")));
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.error().message(),
              AllOf(HasSubstr("the part"), HasSubstr("memory limit"), HasSubstr("more parts")));
  EXPECT_EQ(entries_of(test_folder() / "out"), 0u);
}

// The whole program is killed in the middle: its compiler dies with it, and the next try finds its
// way through what is left.
TEST_F(HtpCompile, AfterAKillTheNextTryWorks) {
  const CompileJob the_job = job(saved(matmul_a16w8(2048, 2048, 8.0f), "m.onnx"));
  const fs::path out = test_folder() / "out";
  const pid_t child = fork();
  if (child == 0) {
    (void)compiler().compile(the_job).ok();
    _exit(0);
  }
  const fs::path log = out / "part.bin.partial/job_0.log";  // written when the compiler works
  for (int i = 0; i < 1000 && !fs::exists(log); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(fs::exists(out / "part.bin"));
  EXPECT_FALSE(fs::exists(out / "m.onnx"));
  const auto again = compiler().compile(the_job);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(entries_of(out), 2u);
}

// Catches a cache that forgets the outputs' places, or misses for no reason, and bytes that depend
// on where the model lies.
TEST_F(HtpCompile, FinishedBinariesComeFromTheCache) {
  const fs::path model = saved(matmul_a16w8(256, 64, 8.0f), "a/m.onnx");
  fs::create_directories(test_folder() / "b");
  fs::copy_file(model, test_folder() / "b/m.onnx");
  fs::copy_file(model.string() + ".data", test_folder() / "b/m.onnx.data");
  const Compiler caching = compiler({.cache = test_folder() / "cache"});
  const auto first = caching.compile(job(model));
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_FALSE(first->cached);
  CompileJob elsewhere = job(test_folder() / "b/m.onnx");
  elsewhere.graphs[0].output = test_folder() / "out2/n.onnx";
  elsewhere.binary = test_folder() / "out2/bins/n.bin";
  const auto second = caching.compile(elsewhere);
  ASSERT_TRUE(second.ok()) << second.error().message();
  EXPECT_TRUE(second->cached);
  EXPECT_EQ(second->graphs[0].nodes, first->graphs[0].nodes);
  EXPECT_EQ(second->peak_bytes, first->peak_bytes);
  EXPECT_EQ(*binary_of(*graph::load(test_folder() / "out2/n.onnx"), "n"), "bins/n.bin");
  const auto anew = compiler().compile(elsewhere);
  ASSERT_TRUE(anew.ok()) << anew.error().message();
  EXPECT_EQ(bytes_of(test_folder() / "out2/bins/n.bin"), bytes_of(test_folder() / "out/part.bin"));
  std::ofstream(test_folder() / "b/m.onnx.data", std::ios::app) << "x";
  const auto changed = caching.compile(elsewhere);
  ASSERT_TRUE(changed.ok()) << changed.error().message();
  EXPECT_FALSE(changed->cached);
}

TEST_F(HtpCompile, JobsThatCannotBeAreRefused) {
  const fs::path model = saved(one_op("Tanh", {1, 8}), "tanh.onnx");
  CompileJob outside = job(model);
  outside.binary = test_folder() / "other/part.bin";
  CompileJob nowhere = job(model);
  nowhere.binary = "";
  CompileJob twice = job(model);
  twice.graphs.push_back(twice.graphs[0]);
  CompileJob gone = job(test_folder() / "gone.onnx");
  CompileJob none = job(model);
  none.graphs.clear();
  for (const CompileJob& bad : {outside, nowhere, twice, gone, none}) {
    EXPECT_FALSE(compiler().compile(bad).ok());
  }
}

}  // namespace
}  // namespace lapidary::htp
