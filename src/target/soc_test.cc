// What --arch and --soc resolve to, and what they refuse.
#include "target/soc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace lapidary::target {
namespace {

using ::testing::HasSubstr;

TEST(Resolve, AnArchStandsForItsFirstSoc) {
  const struct {
    const char* arch;
    Arch expected;
    int model;
  } rows[] = {{"v73", Arch::kV73, 60},
              {"v75", Arch::kV75, 57},
              {"79", Arch::kV79, 69},
              {"V81", Arch::kV81, 87}};
  for (const auto& row : rows) {
    const auto target = resolve(row.arch, "");
    ASSERT_TRUE(target.ok()) << row.arch;
    EXPECT_EQ(target->arch, row.expected) << row.arch;
    EXPECT_EQ(target->soc->model, row.model) << row.arch;
  }
}

TEST(Resolve, ASocImpliesItsArch) {
  const auto by_name = resolve("", "sm8650");
  ASSERT_TRUE(by_name.ok());
  EXPECT_EQ(by_name->arch, Arch::kV75);
  const auto by_number = resolve("v75", "57");
  ASSERT_TRUE(by_number.ok());
  EXPECT_EQ(by_number->soc, by_name->soc);
  EXPECT_EQ(name_of(*by_number), "v75 (SM8650)");
}

TEST(Resolve, RefusesInOneLineThatSaysWhatIsKnown) {
  const struct {
    const char* arch;
    const char* soc;
    std::vector<std::string> parts;
  } rows[] = {{"v99", "", {"arch 'v99'", "v73, v75, v79, v81"}},
              {"v", "", {"arch 'v'", "v73"}},
              {"8", "", {"arch '8'"}},
              {"", "SM9999", {"SoC 'SM9999'", "SC8380XP", "SM8850"}},
              {"", "9999", {"SoC '9999'"}},
              {"v99", "SM8850", {"arch 'v99'"}},
              {"v79", "SM8850", {"arch 'v79'", "SM8850", "v81"}},
              {"", "", {"neither"}}};
  for (const auto& row : rows) {
    const auto target = resolve(row.arch, row.soc);
    ASSERT_FALSE(target.ok()) << row.arch << " " << row.soc;
    EXPECT_EQ(target.error().kind, ErrorKind::kBadInput);
    for (const std::string& part : row.parts) {
      EXPECT_THAT(target.error().message(), HasSubstr(part));
    }
    EXPECT_EQ(target.error().message().find('\n'), std::string::npos);
  }
}

// A number or a name that stands twice would resolve to whichever comes first.
TEST(Socs, NamesAndNumbersAreUnique) {
  std::set<std::string> names;
  std::set<int> models;
  for (const Soc& soc : socs()) {
    EXPECT_TRUE(names.insert(soc.name).second) << soc.name;
    EXPECT_TRUE(models.insert(soc.model).second) << soc.model;
  }
  for (const Arch arch : archs()) EXPECT_EQ(representative(arch).arch, arch);
}

}  // namespace
}  // namespace lapidary::target
