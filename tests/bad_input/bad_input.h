// A scratch folder, things to damage in it, and the program run on them.
//
//   Scratch scratch;
//   scratch.add_checkpoint();
//   scratch.truncate("checkpoint/config.json", 100);
//   scratch.expect_refused({"build", scratch.at("checkpoint"), "-o", scratch.at("out")},
//                          {"config.json", "not valid JSON"});
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/test_files.h"
#include "e2e/child.h"

namespace lapidary::refusals {

using e2e::ChildOptions;
using e2e::lapidary;
using e2e::Outcome;

// Memory for any small input, whatever it claims. Sanitizers keep what is freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int64_t kBounded = 4'000'000'000;
#else
inline constexpr int64_t kBounded = 500'000'000;
#endif

class Scratch {
 public:
  // The tiny model as "checkpoint"; weights are linked, other files copied.
  void add_checkpoint();
  // The package that the test fixture built as "package".
  void add_package();

  std::string at(const std::string& name) const { return (dir_.path() / name).string(); }
  std::string read(const std::string& name) const { return checkpoint::read_file(at(name)); }
  void write(const std::string& name, const std::string& content);
  void remove(const std::string& name);
  void truncate(const std::string& name, size_t bytes);
  // Replaces the first `from` in the file, which must be there.
  void replace(const std::string& name, const std::string& from, const std::string& to);
  void edit_json(const std::string& name, const std::function<void(Json&)>& edit);
  // Changes the header of a safetensors file, keeping its data.
  void edit_header(const std::string& name, const std::function<void(Json&)>& edit);

  // Exit code 2, one line "lapidary: error: ..." that holds all of `parts`, and no file
  // in the scratch folder that was not there before. Its memory is checked unless the bound is 0.
  void expect_refused(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& parts, const ChildOptions& options = {},
                      int64_t most_resident_bytes = 0) const;

 private:
  std::vector<std::string> listing() const;

  checkpoint::TempDir dir_;
};

// One row of a table of damages.
struct Case {
  const char* name;
  std::function<void(Scratch&)> damage;
  std::vector<std::string> parts;  // of the message: the file, the field
};
inline void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }
inline std::string name_of(const ::testing::TestParamInfo<Case>& test) { return test.param.name; }

}  // namespace lapidary::refusals
