// Which device a session gets on machines that list several. None of them is here: the lists are
// made up.
#include "ort/environment.h"

#include <gtest/gtest.h>

namespace lapidary::ort {
namespace {

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
