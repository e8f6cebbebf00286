#include "report/table.h"

#include <gtest/gtest.h>

namespace lapidary::report {
namespace {

// Catches columns that are cut, glued together or padded at the end of a line.
TEST(Table, AlignsColumnsAndEndsLinesWithTheirText) {
  Table table({"component", "bytes", ""});
  table.row({"decoder", "10.9 MB", "all of it"});
  table.row({"a very long component", "1 B"});
  EXPECT_EQ(table.text(),
            "component              bytes\n"
            "decoder                10.9 MB  all of it\n"
            "a very long component  1 B\n");
}

TEST(Table, MayHaveNoRows) { EXPECT_EQ(Table({"a", "b"}).text(), "a  b\n"); }

}  // namespace
}  // namespace lapidary::report
