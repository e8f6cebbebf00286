// Opening packages whose files do not match their checksums, are elsewhere, are not listed, or
// change meanwhile.
#include "package/package.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <onnx.pb.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/recording_sink.h"
#include "checkpoint/test_files.h"
#include "graph/builder.h"
#include "graph/onnx_writer.h"
#include "package/side_files.h"
#include "package/testing/small_manifest.h"
#include "tensor/expressions.h"

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
    dir_.write(kManifestFile, to_json(small_manifest(dir_.path(), "model.onnx", "weights")));
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

// Another package at the same path, as a build leaves it: one exchange of the whole folders.
void exchange(const std::filesystem::path& a, const std::filesystem::path& b) {
  ASSERT_EQ(::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE), 0)
      << std::strerror(errno);
}

class ReplacedPackage : public PackageFiles {
 protected:
  ReplacedPackage() : other_(dir_.path().string() + "-other") {
    std::filesystem::remove_all(other_);
    std::filesystem::copy(dir_.path(), other_, std::filesystem::copy_options::recursive);
  }
  ~ReplacedPackage() override { std::filesystem::remove_all(other_); }
  std::filesystem::path other_;
};

// The same bytes in every file: only the folder is another one.
TEST_F(ReplacedPackage, IsNoticedByTheFolder) {
  const auto package = Package::open(dir_.path());
  ASSERT_TRUE(package.ok());
  EXPECT_TRUE(package->unchanged().ok());
  exchange(dir_.path(), other_);
  const Status status = package->unchanged();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(),
            dir_.path().string() + ": was replaced while it was being read (run again)");
  exchange(dir_.path(), other_);
  EXPECT_TRUE(package->unchanged().ok()) << "the folder that was opened is back";
}

// A folder of the same number would pass for the one that was opened; it is held, so there is none.
TEST_F(ReplacedPackage, IsNoticedWhenTheOldOneIsGone) {
  const auto package = Package::open(dir_.path());
  ASSERT_TRUE(package.ok());
  exchange(dir_.path(), other_);
  std::filesystem::remove_all(other_);
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(package->unchanged().ok());
    std::filesystem::copy(dir_.path(), other_, std::filesystem::copy_options::recursive);
    exchange(dir_.path(), other_);
    std::filesystem::remove_all(other_);
  }
}

TEST_F(ReplacedPackage, FilesThatAreWrittenAgainAreNoticed) {
  for (const VerifyMode mode : {VerifyMode::kSizes, VerifyMode::kChecksums}) {
    const auto package = Package::open(dir_.path(), mode);
    ASSERT_TRUE(package.ok());
    // Another file of the same bytes.
    std::filesystem::copy_file(other_ / "weights", dir_.path() / "new");
    std::filesystem::rename(dir_.path() / "new", dir_.path() / "weights");
    EXPECT_THAT(package->unchanged().error().message(),
                HasSubstr("weights: was changed while it was being read (run again)"));
  }
  const auto package = Package::open(dir_.path());
  ASSERT_TRUE(package.ok());
  std::filesystem::last_write_time(
      dir_.path() / "weights",
      std::filesystem::last_write_time(dir_.path() / "weights") + std::chrono::milliseconds(1));
  EXPECT_THAT(package->unchanged().error().message(), HasSubstr("weights: was changed"));
}

// `eval --record` writes the manifest anew; what was loaded is still what was verified.
TEST_F(ReplacedPackage, ANewManifestAloneIsNoChange) {
  const auto package = Package::open(dir_.path());
  ASSERT_TRUE(package.ok());
  std::filesystem::rename(other_ / kManifestFile, dir_.path() / kManifestFile);
  EXPECT_TRUE(package->unchanged().ok());
}

TEST_F(ReplacedPackage, IsReadOnceMore) {
  int reads = 0;
  const Status status = while_unchanged(dir_.path(), [&](Package& package) -> Status {
    LAP_RETURN_IF_ERROR(package.verify(VerifyMode::kChecksums));
    if (++reads == 1) exchange(dir_.path(), other_);
    return {};
  });
  EXPECT_TRUE(status.ok()) << status.error().message();
  EXPECT_EQ(reads, 2);
}

TEST_F(ReplacedPackage, IsNotReadForEver) {
  int reads = 0;
  const Status status = while_unchanged(dir_.path(), [&](Package& package) -> Status {
    ++reads;
    exchange(dir_.path(), other_);
    // What a mixture of two packages does to its reader.
    return internal_error(package.dir.string(), "shapes do not fit");
  });
  EXPECT_EQ(status.error().message(),
            dir_.path().string() + ": was replaced while it was being read (run again)");
  EXPECT_EQ(reads, 2);
}

// An error that has nothing to do with it stays what it is, and is met once.
TEST_F(ReplacedPackage, OtherErrorsStay) {
  int reads = 0;
  const Status status = while_unchanged(dir_.path(), [&](Package& package) -> Status {
    ++reads;
    return internal_error(package.dir.string(), "shapes do not fit");
  });
  EXPECT_THAT(status.error().message(), HasSubstr("shapes do not fit"));
  EXPECT_EQ(reads, 1);
}

TEST_F(ReplacedPackage, CtrlCIsNotTakenForAChange) {
  const Status status = while_unchanged(dir_.path(), [&](Package& /*package*/) -> Status {
    exchange(dir_.path(), other_);
    return cancelled();
  });
  EXPECT_EQ(status.error().kind, ErrorKind::kCancelled);
}

class LinkedPackage : public PackageFiles {
 protected:
  // Puts a file, or a folder with it, outside the package and a link in its place.
  void link_out(const std::string& name, const std::string& target) {
    std::filesystem::rename(dir_.path() / name, outside_.path() / name);
    std::filesystem::create_symlink(target, dir_.path() / name);
  }
  TempDir outside_;
};

// Catches a package that shows its user's own files to whoever runs it.
TEST_F(LinkedPackage, LinksThatLeadOutAreRefused) {
  link_out("weights", (outside_.path() / "weights").string());
  for (const VerifyMode mode : {VerifyMode::kSizes, VerifyMode::kChecksums}) {
    EXPECT_THAT(problem(mode),
                HasSubstr("weights: is reached by a link that leads out of the package"));
  }
  std::filesystem::remove(dir_.path() / "weights");
  std::filesystem::create_symlink("../" + outside_.path().filename().string() + "/weights",
                                  dir_.path() / "weights");
  EXPECT_THAT(problem(VerifyMode::kSizes), HasSubstr("leads out"));
}

TEST_F(LinkedPackage, AManifestOutsideIsRefused) {
  link_out(kManifestFile, (outside_.path() / kManifestFile).string());
  EXPECT_THAT(problem(VerifyMode::kSizes), HasSubstr("lapidary.json: is reached by a link"));
}

TEST_F(LinkedPackage, LinksInsideAndAPackageBehindALinkAreFine) {
  std::filesystem::create_directory(dir_.path() / "data");
  std::filesystem::rename(dir_.path() / "weights", dir_.path() / "data/w");
  std::filesystem::create_symlink("data/w", dir_.path() / "weights");
  EXPECT_EQ(problem(VerifyMode::kChecksums), "");
  const auto link = outside_.path() / "package";
  std::filesystem::create_directory_symlink(dir_.path(), link);
  const auto package = Package::open(link);
  ASSERT_TRUE(package.ok()) << package.error().message();
  EXPECT_TRUE(package->unchanged().ok());
}

// A named pipe would make its reader wait for ever.
TEST_F(LinkedPackage, WhatIsNoFileIsRefused) {
  std::filesystem::remove(dir_.path() / "weights");
  ASSERT_EQ(::mkfifo((dir_.path() / "weights").c_str(), 0600), 0);
  EXPECT_THAT(problem(VerifyMode::kChecksums), HasSubstr("weights: is not a regular file"));
}

graph::Graph graph_with_weights() {
  graph::Builder builder("g");
  const graph::Ref x = builder.input("x", DType::kFloat, {int64_t{1}, int64_t{50}});
  const graph::Ref w = builder.weight("w", tensor::floats({50, 40}, std::vector<float>(2000, 1)));
  builder.output("y", builder.op("MatMul", {x, w}), DType::kFloat, {int64_t{1}, int64_t{40}});
  return std::move(builder).finish();
}

// A package with the graph above; `files`: what its manifest lists.
Package listing(const TempDir& dir, const std::vector<std::string>& files) {
  std::filesystem::create_directories(dir.path() / "decoder");
  EXPECT_TRUE(graph::save(graph_with_weights(), dir.path() / "decoder/model.onnx", {}).ok());
  dir.write("chat_template.jinja", std::string("{{ messages }}"));
  Package out;
  out.dir = dir.path();
  for (const std::string& file : files) out.manifest.files.push_back({file, 1, ""});
  return out;
}

// Nobody has verified what no record lists: a record that was dropped must not go unnoticed.
TEST(UnlistedFiles, AreNotUsed) {
  const TempDir dir;
  const Package whole =
      listing(dir, {"decoder/model.onnx", "decoder/model.onnx.data", "chat_template.jinja"});
  EXPECT_TRUE(whole.check_references("decoder/model.onnx").ok());
  EXPECT_EQ(whole.listed("chat_template.jinja").value(), dir.path() / "chat_template.jinja");
  EXPECT_TRUE(whole.has("chat_template.jinja").value());
  EXPECT_FALSE(whole.has("tokenizer_config.json").value());
  const Package dropped = listing(dir, {"decoder/model.onnx"});
  EXPECT_THAT(dropped.check_references("decoder/model.onnx").error().message(),
              HasSubstr("decoder/model.onnx: refers to 'model.onnx.data', which is not among the "
                        "files that lapidary.json lists"));
  EXPECT_THAT(dropped.has("chat_template.jinja").error().message(),
              HasSubstr("chat_template.jinja: is not among the files"));
  EXPECT_THAT(dropped.listed("tokenizer.json").error().message(),
              HasSubstr("tokenizer.json: is not among the files"));
}

// Spelt in another way, "..", could name a listed file and open another one behind a link.
TEST(UnlistedFiles, AreNotReachedByDetours) {
  const TempDir dir;
  const Package package = listing(dir, {"model.onnx", "decoder/model.onnx.data"});
  onnx::ModelProto model;
  auto* tensor = model.mutable_graph()->add_initializer();
  auto* entry = tensor->add_external_data();
  entry->set_key("location");
  for (const auto& [location, fine] :
       std::vector<std::pair<std::string, bool>>{{"decoder/model.onnx.data", true},
                                                 {"./decoder//model.onnx.data", true},
                                                 {"decoder/../decoder/model.onnx.data", false},
                                                 {"../model.onnx.data", false},
                                                 {"/etc/passwd", false},
                                                 {"", false}}) {
    entry->set_value(location);
    dir.write("model.onnx", model.SerializeAsString());
    EXPECT_EQ(package.check_references("model.onnx").ok(), fine) << location;
  }
}

}  // namespace
}  // namespace lapidary::package
