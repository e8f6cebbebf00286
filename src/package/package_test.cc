// Opening packages whose files do not match their checksums.
#include "package/package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/recording_sink.h"
#include "checkpoint/test_files.h"
#include "package/side_files.h"

namespace lapidary::package {
namespace {

using checkpoint::TempDir;
using ::testing::HasSubstr;

std::string noise(size_t size) {
  std::string out(size, '\0');
  uint32_t state = 1;
  for (char& c : out) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  return out;
}

class PackageFiles : public ::testing::Test {
 protected:
  PackageFiles() {
    dir_.write("weights", noise(5000));
    dir_.write("model.onnx", std::string("graph"));
    Manifest manifest;
    manifest.text.vocab_size = 2;
    manifest.text.hidden_size = 1;
    manifest.text.max_positions = 1;
    manifest.components.emplace_back();
    manifest.components[0].name = "decoder";
    manifest.components[0].file = "model.onnx";
    for (const char* name : {"model.onnx", "weights"}) {
      manifest.files.push_back(file_record(dir_.path(), name).value());
    }
    dir_.write(kManifestFile, to_json(manifest));
  }
  std::string problem(VerifyMode mode) const {
    const auto package = Package::open(dir_.path(), mode);
    return package.ok() ? "" : package.error().message();
  }
  TempDir dir_;
};

TEST_F(PackageFiles, OpenWhenIntact) {
  const auto package = Package::open(dir_.path());
  ASSERT_TRUE(package.ok()) << package.error().message();
  EXPECT_EQ(package->path("weights"), dir_.path() / "weights");
  EXPECT_TRUE(package->component("decoder").ok());
  EXPECT_THAT(package->component("vision").error().message(),
              HasSubstr("no component 'vision' (it has: decoder)"));
}

TEST_F(PackageFiles, VerifyingThemIsAStageOfBytes) {
  RecordingSink sink;
  ASSERT_TRUE(Package::open(dir_.path(), VerifyMode::kChecksums, {.progress = &sink}).ok());
  EXPECT_THAT(sink.names(), ::testing::ElementsAre("checksums"));
  EXPECT_EQ(sink.last().unit, Unit::kBytes);
  EXPECT_EQ(sink.total(), 5005U);
  EXPECT_EQ(sink.done(), sink.total());
  RecordingSink sizes;
  ASSERT_TRUE(Package::open(dir_.path(), VerifyMode::kSizes, {.progress = &sizes}).ok());
  EXPECT_THAT(sizes.names(), ::testing::IsEmpty());
}

TEST_F(PackageFiles, VerifyingThemCanBeEnded) {
  RecordingSink sink(first_unit);
  const auto package = Package::open(dir_.path(), VerifyMode::kChecksums, sink.work());
  ASSERT_FALSE(package.ok());
  EXPECT_EQ(package.error().kind, ErrorKind::kCancelled);
  EXPECT_LT(sink.done(), sink.total()) << "the second file was read all the same";
}

TEST_F(PackageFiles, AreRefusedWhenChanged) {
  std::string content = noise(5000);
  content[4000] = static_cast<char>(content[4000] ^ 4);
  dir_.write("weights", content);
  EXPECT_EQ(problem(VerifyMode::kSizes), "");
  EXPECT_THAT(problem(VerifyMode::kChecksums), HasSubstr("weights: has checksum"));
}

TEST_F(PackageFiles, AreRefusedWhenShorter) {
  std::filesystem::resize_file(dir_.path() / "weights", 4999);
  EXPECT_THAT(problem(VerifyMode::kSizes), HasSubstr("weights: has 4999 bytes"));
}

TEST_F(PackageFiles, AreRefusedWhenMissing) {
  std::filesystem::remove(dir_.path() / "weights");
  EXPECT_THAT(problem(VerifyMode::kSizes), HasSubstr("weights: is missing (restore"));
}

}  // namespace
}  // namespace lapidary::package
