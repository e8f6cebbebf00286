#include "report/declined_text.h"

#include <gtest/gtest.h>

namespace lapidary::report {
namespace {

// Catches a line for each node, and a count that takes the named node in.
TEST(DeclinedText, NodesOfOneReasonShareALine) {
  const std::vector<passes::Declined> declined = {{"a/MatMul", "two inputs"},
                                                  {"b/Gather", "no weight"},
                                                  {"c/MatMul", "two inputs"},
                                                  {"d/MatMul", "two inputs"}};
  EXPECT_EQ(declined_text(declined, "decoder, int4:"),
            "  decoder, int4: b/Gather: no weight\n"
            "  decoder, int4: a/MatMul and 2 more: two inputs\n");
  EXPECT_EQ(declined_text({}, "left"), "");
}

TEST(DeclinedText, OneNameStandsAlone) {
  EXPECT_EQ(first_and_more({"loop"}), "loop");
  EXPECT_EQ(first_and_more({"loop", "if"}), "loop and 1 more");
}

}  // namespace
}  // namespace lapidary::report
