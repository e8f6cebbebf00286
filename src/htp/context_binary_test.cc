#include "htp/context_binary.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace lapidary::htp {
namespace {

std::optional<BinaryTarget> find(const std::string& text) {
  return find_binary_target(std::as_bytes(std::span(text)));
}

// As it stands in binaries of QNN 2.51.
TEST(ContextBinary, SaysItsTarget) {
  EXPECT_EQ(
      find(std::string("\0\x7fweights", 9) + "min_arch=79;soc_type=SM8850;arch=81;num_nsps=1"),
      (BinaryTarget{"v81", "SM8850"}));
  EXPECT_EQ(find("soc_type=SM8550;arch=73"), (BinaryTarget{"v73", "SM8550"}));
}

// Weights may spell anything; a match at the very end must not be read beyond.
TEST(ContextBinary, LooksPastWhatOnlyBeginsLikeIt) {
  EXPECT_EQ(find("soc_type=soc_type=SM8850;arch=81;"), (BinaryTarget{"v81", "SM8850"}));
  EXPECT_EQ(find("soc_type=SM1;arch=x;soc_type=SM8650;arch=75;"), (BinaryTarget{"v75", "SM8650"}));
  for (const char* text : {"", "soc_type=", "soc_type=SM8850", "soc_type=SM8850;arch=",
                           "soc_type=;arch=81", "soc_type=SM8850;min_arch=81"}) {
    EXPECT_FALSE(find(text).has_value()) << text;
  }
  EXPECT_FALSE(find("soc_type=" + std::string(1000, 'A') + ";arch=81").has_value());
}

TEST(ContextBinary, NamesAFileThatIsNone) {
  const auto path = std::filesystem::path(testing::TempDir()) /
                    fmt::format("lapidary_context_binary_{}", getpid());
  std::ofstream(path) << "nothing of the kind";
  const auto target = read_binary_target(path);
  ASSERT_FALSE(target.ok());
  EXPECT_EQ(target.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(target.error().message(), testing::HasSubstr("no context binary"));
  std::filesystem::remove(path);
  EXPECT_FALSE(read_binary_target(path).ok());
}

}  // namespace
}  // namespace lapidary::htp
