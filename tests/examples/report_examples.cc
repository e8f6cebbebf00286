// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include "example.h"
#include "report/table.h"

namespace lapidary::report {

void table_example() {
  // [report/table.h]
  Table table({"component", "bytes"});
  table.row({"decoder", "10.9 MB"});
  print(table.text());
  // [end]
}

}  // namespace lapidary::report
