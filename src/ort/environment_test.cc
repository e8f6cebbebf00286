// What making the environment leaves behind, and which device a session gets on machines that list
// several. None of those is here: the lists are made up.
#include "ort/environment.h"

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "ort/test_model.h"

extern char** environ;

namespace lapidary::ort {
namespace {

namespace fs = std::filesystem;

// Set in the test's second process, to the folder that is its home.
constexpr const char* kHomeOfChild = "LAPIDARY_TEST_HOME_OF_CHILD";

// Runs this test, alone, in a process whose environment has `home` and nothing else but what a
// sanitizer or the loader is told. Returns its exit code, -1 when it has none.
int run_test_again(const fs::path& home) {
  std::vector<std::string> variables = {"HOME=" + home.string(),
                                        kHomeOfChild + ("=" + home.string())};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const std::string name = text.substr(0, text.find('='));
    if (name.rfind("LD_", 0) == 0 || name.find("SAN_OPTIONS") != std::string::npos) {
      variables.push_back(text);
    }
  }
  std::vector<std::string> words = {"/proc/self/exe", "--gtest_filter=Environment.LeavesNoTrace*"};
  std::vector<char*> envp;
  std::vector<char*> argv;
  for (std::string& variable : variables) envp.push_back(variable.data());
  for (std::string& word : words) argv.push_back(word.data());
  envp.push_back(nullptr);
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), envp.data()) != 0) return -1;
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

// ONNX Runtime's telemetry writes below the home folder as soon as there is an environment. In a
// process of its own: this one's environment may be made already, or hold a variable that silences
// the library anyway, such as CI.
TEST(Environment, LeavesNoTraceInTheHomeFolder) {
  if (const char* home = std::getenv(kHomeOfChild); home != nullptr) {
    const fs::path file = fs::path(home).parent_path() / "double.onnx";
    TestModel model("double");
    model.input("x", {"n"}).output("y", {"n"}).node("Add", {"x", "x"}, {"y"});
    model.save(file);
    const auto session = Session::open(file, {.threads = 1});
    ASSERT_TRUE(session.ok()) << session.error().message();
    return;
  }
  const fs::path folder =
      fs::path(testing::TempDir()) / ("environment_" + std::to_string(getpid()));
  fs::create_directories(folder / "home");
  EXPECT_EQ(run_test_again(folder / "home"), 0);
  for (const auto& left : fs::recursive_directory_iterator(folder / "home")) {
    ADD_FAILURE() << left.path() << " was made";
  }
  EXPECT_TRUE(fs::exists(folder / "double.onnx")) << "the other process ran no test";
  fs::remove_all(folder);
}

constexpr auto kCpu = OrtHardwareDeviceType_CPU;
constexpr auto kGpu = OrtHardwareDeviceType_GPU;
constexpr auto kNpu = OrtHardwareDeviceType_NPU;

// A context binary for the HTP on the provider's GPU would fail, or run somewhere else unnoticed.
TEST(ChooseDevice, TheNpuWhereverItStands) {
  EXPECT_EQ(choose_device({{"CPUExecutionProvider", kCpu}, {"QNN", kGpu}, {"QNN", kNpu}}, "QNN"),
            2u);
  EXPECT_EQ(choose_device({{"QNN", kNpu}, {"QNN", kGpu}}, "QNN"), 0u);
}

// x86 lists its CPU alone, on which the vendor emulates; another provider's NPU is not ours.
TEST(ChooseDevice, WithoutAnNpuTheFirstOfTheProvider) {
  EXPECT_EQ(choose_device({{"Other", kNpu}, {"QNN", kCpu}, {"QNN", kGpu}}, "QNN"), 1u);
  EXPECT_EQ(choose_device({{"Other", kNpu}}, "QNN"), std::nullopt);
  EXPECT_EQ(choose_device({}, "QNN"), std::nullopt);
}

TEST(ChooseDevice, AnErrorCanSayWhatIsListed) {
  EXPECT_EQ(text({{"CPUExecutionProvider", kCpu}, {"QNN", kGpu}}),
            "CPUExecutionProvider (CPU), QNN (GPU)");
  EXPECT_EQ(text({}), "none");
}

}  // namespace
}  // namespace lapidary::ort
