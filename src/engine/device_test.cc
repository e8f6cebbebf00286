// Which graphs a device runs, and what is refused before a library of the vendor is loaded. None is
// here: the folders hold empty files of their names.
#include "engine/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lapidary::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DeviceOf : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::path(testing::TempDir()) / ("lapidary_device_" + std::to_string(getpid()));
    for (const char* file :
         {"libs/libonnxruntime_providers_qnn.so", "libs/libQnnHtp.so", "libs/libHtpPrepare.so",
          "libs/libQnnSystem.so", "libs/libQnnHtpV81Stub.so", "libs/libQnnHtpV81Skel.so",
          "onnxruntime_qnn.libs/x"}) {
      write(file, "");
    }
    package_.dir = dir_;
    package::Manifest& manifest = package_.manifest;
    package::HtpModel htp;
    htp.arch = "v81";
    htp.soc = "SM8850";
    for (const contract::Role role : {contract::Role::kPrefill, contract::Role::kDecode}) {
      const std::string stem = std::string(name_of(role)) + ".0";
      package::GraphRecord graph;
      graph.name = "decoder";
      graph.role = role;
      graph.file = "decoder/" + stem + ".onnx";
      manifest.components.push_back(graph);
      manifest.files.push_back({graph.file, 1, ""});
      htp.device.push_back(
          {"decoder", role, 0, "decoder/htp/" + stem + ".onnx", "decoder/htp/part.0.bin"});
      htp.emulated.push_back({"decoder", role, 0, "decoder/emulated/" + stem + ".onnx",
                              "decoder/emulated/" + stem + ".bin"});
      write(htp.emulated.back().binary, "...soc_type=SM8850;arch=81;...");
    }
    write("decoder/htp/part.0.bin", "...soc_type=SM8850;arch=81;...");
    manifest.htp = htp;
  }
  void TearDown() override { fs::remove_all(dir_); }

  void write(const std::string& file, const std::string& content) const {
    fs::create_directories((dir_ / file).parent_path());
    std::ofstream(dir_ / file) << content;
  }
  DeviceOptions options(Device device) const {
    DeviceOptions out;
    out.device = device;
    out.qnn_libs = (dir_ / "libs").string();
    out.machine = dir_ / "machine";
    return out;
  }
  std::string refusal(const DeviceOptions& options) const {
    const auto resolved = resolve_device(package_, options);
    if (resolved.ok()) return "it was taken";
    EXPECT_NE(resolved.error().kind, ErrorKind::kInternal);
    return resolved.error().message();
  }
  std::string decode_file(const DeviceOptions& options) const {
    const auto resolved = resolve_device(package_, options);
    EXPECT_TRUE(resolved.ok()) << resolved.error().message();
    return resolved.ok() ? resolved->file(package_.manifest.components[1]) : "";
  }

  fs::path dir_;
  package::Package package_;
};

TEST_F(DeviceOf, EachRunsItsOwnGraphs) {
  EXPECT_EQ(decode_file(options(Device::kCpu)), "decoder/decode.0.onnx");
  EXPECT_FALSE(resolve_device(package_, options(Device::kCpu))->provider.has_value());
  EXPECT_EQ(decode_file(options(Device::kHtpEmulated)), "decoder/emulated/decode.0.onnx");
  write("machine", "SM8850\n");
  EXPECT_EQ(decode_file(options(Device::kHtp)), "decoder/htp/decode.0.onnx");
  const auto provider = resolve_device(package_, options(Device::kHtp))->provider;
  ASSERT_TRUE(provider.has_value());
  EXPECT_FALSE(provider->allow_cpu);
  EXPECT_THAT(provider->options,
              ::testing::Contains(std::pair<std::string, std::string>("soc_model", "87")));
}

// An encoder without a context of the device stays where its plain graph runs.
TEST_F(DeviceOf, EncodersRunThereWhenTheyHaveContexts) {
  package::GraphRecord vision;
  vision.name = "vision_encoder";
  vision.file = "vision_encoder/model.onnx";
  package::GraphRecord audio;
  audio.name = "audio_encoder";
  audio.file = "audio_encoder/model.onnx";
  package_.manifest.components.push_back(vision);
  package_.manifest.components.push_back(audio);
  package_.manifest.htp->emulated.push_back({"vision_encoder", contract::Role::kModel, 0,
                                             "vision_encoder/htp/model.onnx",
                                             "vision_encoder/htp/model.bin"});
  write("vision_encoder/htp/model.bin", "...soc_type=SM8850;arch=81;...");
  const auto device = resolve_device(package_, options(Device::kHtpEmulated));
  ASSERT_TRUE(device.ok()) << device.error().message();
  EXPECT_TRUE(device->runs(vision));
  EXPECT_EQ(device->file(vision), "vision_encoder/htp/model.onnx");
  EXPECT_FALSE(device->runs(audio));
  EXPECT_EQ(device->file(audio), "audio_encoder/model.onnx");
  EXPECT_FALSE(ResolvedDevice().runs(vision));
  write("vision_encoder/htp/model.bin", "...soc_type=SM8750;arch=79;...");
  EXPECT_THAT(refusal(options(Device::kHtpEmulated)),
              HasSubstr("vision_encoder/htp/model.bin: is for v79"));
}

TEST_F(DeviceOf, AnotherArchIsRefusedNamingBoth) {
  DeviceOptions emulated = options(Device::kHtpEmulated);
  emulated.arch = "v79";
  EXPECT_THAT(refusal(emulated), HasSubstr("is built for v81 (SM8850), not for v79"));
  write("machine", "SM8650");
  EXPECT_THAT(refusal(options(Device::kHtp)), HasSubstr("not for v75 (SM8650)"));
}

// Checksums need not be compared, and the vendor's emulator runs an older binary as if it were its
// own.
TEST_F(DeviceOf, AnotherBinaryIsRefusedNamingBoth) {
  write("decoder/emulated/decode.0.bin", "...soc_type=SM8750;arch=79;...");
  EXPECT_THAT(refusal(options(Device::kHtpEmulated)),
              HasSubstr("decode.0.bin: is for v79 (SM8750), but lapidary.json says v81 (SM8850)"));
  write("decoder/htp/part.0.bin", "no context");
  write("machine", "SM8850");
  EXPECT_THAT(refusal(options(Device::kHtp)), HasSubstr("is no context binary"));
}

TEST_F(DeviceOf, AMachineThatIsNotKnownMustBeNamed) {
  EXPECT_THAT(refusal(options(Device::kHtp)), HasSubstr("--soc NAME"));
  write("machine", "Toaster");
  EXPECT_THAT(refusal(options(Device::kHtp)), HasSubstr("names 'Toaster', not known"));
  DeviceOptions named = options(Device::kHtp);
  named.soc = "SM8850";
  EXPECT_EQ(decode_file(named), "decoder/htp/decode.0.onnx");
  named.soc = "SM1";
  EXPECT_THAT(refusal(named), HasSubstr("SoC 'SM1'"));
}

// The two sides of the connection to the DSP on a device, the compiler on x86.
TEST_F(DeviceOf, LibrariesAreThoseOfTheDevice) {
  write("machine", "SM8850");
  fs::remove(dir_ / "libs/libHtpPrepare.so");
  EXPECT_EQ(decode_file(options(Device::kHtp)), "decoder/htp/decode.0.onnx");
  EXPECT_THAT(refusal(options(Device::kHtpEmulated)), HasSubstr("libHtpPrepare.so"));
  fs::remove(dir_ / "libs/libQnnHtpV81Skel.so");
  EXPECT_THAT(refusal(options(Device::kHtp)), HasSubstr("libQnnHtpV81Skel.so"));
}

// Clocks that the recipe asks for would be lost; options of compiling mean nothing here; what a
// hand changed in the manifest must not pass.
TEST_F(DeviceOf, TheRecipesOptionsOfRunningAreTakenOver) {
  using ::testing::Contains;
  using ::testing::Key;
  using ::testing::Not;
  using ::testing::Pair;
  Json& recipe = package_.manifest.recipe;
  recipe = {{"passes",
             {{"contexts",
               {{"type", "EPContextBinaryGenerator"},
                {"provider_options",
                 {{"htp_performance_mode", "burst"},
                  {"htp_graph_finalization_optimization_mode", "3"},
                  {"rpc_control_latency", 100},
                  {"extended_udma", true}}}}}}}};
  const auto resolved = resolve_device(package_, options(Device::kHtpEmulated));
  ASSERT_TRUE(resolved.ok()) << resolved.error().message();
  EXPECT_EQ(resolved->name, "htp-emulated v81 (SM8850)");
  const auto& chosen = resolved->provider->options;
  EXPECT_THAT(chosen, Contains(Pair("htp_performance_mode", "burst")));
  EXPECT_THAT(chosen, Contains(Pair("rpc_control_latency", "100")));
  EXPECT_THAT(chosen, Contains(Pair("extended_udma", "1")));
  EXPECT_THAT(chosen, Not(Contains(Key("htp_graph_finalization_optimization_mode"))));
  recipe["passes"]["contexts"]["provider_options"]["htp_performance_mode"] = {1};
  EXPECT_THAT(refusal(options(Device::kHtpEmulated)), HasSubstr("htp_performance_mode"));
  for (const Json& odd : {Json(7), Json::array({1}), Json{{"passes", 7}}}) {
    recipe = odd;
    EXPECT_EQ(decode_file(options(Device::kHtpEmulated)), "decoder/emulated/decode.0.onnx");
  }
}

TEST_F(DeviceOf, PackagesThatWereExportedSayWhatTheyAreFor) {
  package_.manifest.files.clear();
  package_.manifest.htp->device.clear();
  EXPECT_THAT(refusal(options(Device::kCpu)),
              ::testing::AllOf(HasSubstr("exported for the HTP"),
                               HasSubstr("use --device htp-emulated, or the package")));
  EXPECT_THAT(refusal(options(Device::kHtp)), HasSubstr("use --device htp-emulated"));
  EXPECT_EQ(decode_file(options(Device::kHtpEmulated)), "decoder/emulated/decode.0.onnx");
}

TEST_F(DeviceOf, PackagesWithoutContextsSaySo) {
  DeviceOptions nowhere = options(Device::kHtpEmulated);
  nowhere.qnn_libs = (dir_ / "nowhere").string();
  EXPECT_THAT(refusal(nowhere), HasSubstr("nowhere"));
  package_.manifest.htp->emulated.clear();
  EXPECT_THAT(refusal(options(Device::kHtpEmulated)),
              HasSubstr("no context binaries for --device htp-emulated"));
  package_.manifest.htp.reset();
  EXPECT_THAT(refusal(options(Device::kHtpEmulated)), HasSubstr("was not compiled for the HTP"));
  EXPECT_THAT(refusal(options(Device::kHtp)), HasSubstr("use --device cpu"));
}

}  // namespace
}  // namespace lapidary::engine
