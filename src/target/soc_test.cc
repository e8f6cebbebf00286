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

// What Linux calls the chips of boards and cars, none of which is a row of the table.
TEST(Resolve, NamesThatMachinesSayOfThemselves) {
  const struct {
    const char* name;
    const char* expected;
  } rows[] = {{"QCS9075", "v73 (QCS9100)"},
              {"qcs8275", "v75 (QCS8300)"},
              {"SA8797P", "v81 (SA8797)"},
              {"X1E80100", "v73 (SC8380XP)"}};
  for (const auto& row : rows) {
    const auto target = resolve("", row.name);
    ASSERT_TRUE(target.ok()) << row.name;
    EXPECT_EQ(name_of(*target), row.expected);
  }
}

// An alias that no row answers to would be an error naming another chip than was asked for.
TEST(Socs, AliasesNameRowsOfTheTableAndAreNone) {
  for (const SocAlias& alias : soc_aliases()) {
    EXPECT_TRUE(resolve("", alias.soc).ok()) << alias.name;
    for (const Soc& soc : socs()) EXPECT_STRNE(alias.name, soc.name);
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
