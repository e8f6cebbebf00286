// `lapidary tokenize` on packages: what is read is what the manifest lists, as for `run`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TokenizePackage : public ::testing::Test {
 protected:
  TokenizePackage()
      : folder_(fs::path(::testing::TempDir()) / ("tokenize_test_" + std::to_string(getpid()))) {
    fs::copy(package("cpu-fp32"), folder_, fs::copy_options::recursive);
  }
  ~TokenizePackage() override { fs::remove_all(folder_); }

  // Another id for the same pieces: a tokenizer that works and is not the package's.
  void change_tokenizer() const {
    std::string text;
    {
      std::ifstream in(folder_ / "tokenizer.json", std::ios::binary);
      text.assign(std::istreambuf_iterator<char>(in), {});
    }
    const size_t at = text.find("the\":");
    ASSERT_NE(at, std::string::npos);
    text.replace(at, 3, "teh");
    std::ofstream(folder_ / "tokenizer.json", std::ios::binary) << text;
  }

  fs::path folder_;
};

TEST_F(TokenizePackage, VerifiesAPackage) {
  const std::string package = folder_.string();
  EXPECT_EQ(lapidary({"tokenize", package}, {.input = "the fox"}).exit_code, 0);
  change_tokenizer();
  const Outcome changed = lapidary({"tokenize", package}, {.input = "the fox"});
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_THAT(changed.err, HasSubstr("tokenizer.json: has checksum"));
  EXPECT_EQ(changed.out, "");
  // A file of the same size is let through on request, as with `run`.
  EXPECT_THAT(lapidary({"tokenize", package, "--no-verify"}, {.input = "the fox"}).err,
              ::testing::Not(HasSubstr("checksum")));
  std::ofstream(folder_ / "tokenizer.json", std::ios::app) << "\n";
  EXPECT_THAT(lapidary({"tokenize", package, "--no-verify"}, {.input = "the fox"}).err,
              HasSubstr("the manifest says"));
}

TEST_F(TokenizePackage, ReadsACheckpointAsItIs) {
  EXPECT_EQ(lapidary({"tokenize", tiny("checkpoint")}, {.input = "the fox"}).exit_code, 0);
  const Outcome none = lapidary({"tokenize", tiny("samples")}, {.input = "the fox"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("tokenizer.json"));
}

}  // namespace
}  // namespace lapidary::e2e
