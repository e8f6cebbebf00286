// lapidary convert: models that are none, passes and options that are none, places that cannot be
// written.
#include <gtest/gtest.h>

#include <filesystem>

#include "bad_input/bad_input.h"
#include "base/testing/source_dir.h"

namespace lapidary::refusals {
namespace {

namespace fs = std::filesystem;

class ConvertInput : public ::testing::Test {
 protected:
  ConvertInput() {
    const fs::path golden = source_dir() / "tests/golden/convert";
    for (const char* name : {"nbits.onnx", "nbits.bin", "blocks.onnx"}) {
      scratch_.write(name, checkpoint::read_file(golden / name));
    }
  }
  std::vector<std::string> convert(const std::string& model, const std::string& pass,
                                   std::vector<std::string> more = {}) const {
    std::vector<std::string> out = {"convert", scratch_.at(model),     "--pass", pass,
                                    "-o",      scratch_.at("out.onnx")};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  Scratch scratch_;
};

TEST_F(ConvertInput, ModelsThatAreNone) {
  scratch_.expect_refused(convert("missing.onnx", "BlockQuantToLpbq"), {"missing.onnx"}, {},
                          kBounded);
  scratch_.write("text.onnx", "this is no model");
  scratch_.expect_refused(convert("text.onnx", "BlockQuantToLpbq"),
                          {"text.onnx", "not an ONNX model"}, {}, kBounded);
  scratch_.write("empty.onnx", "");
  scratch_.expect_refused(convert("empty.onnx", "BlockQuantToLpbq"),
                          {"empty.onnx", "not an ONNX model"}, {}, kBounded);
  scratch_.truncate("blocks.onnx", 3000);
  scratch_.expect_refused(convert("blocks.onnx", "BlockQuantToLpbq"), {"blocks.onnx", "truncated"},
                          {}, kBounded);
  scratch_.truncate("nbits.bin", 100);
  scratch_.expect_refused(convert("nbits.onnx", "MatMulNBitsToQDQ"), {"nbits.bin", "too short"}, {},
                          kBounded);
  scratch_.remove("nbits.bin");
  scratch_.expect_refused(convert("nbits.onnx", "MatMulNBitsToQDQ"), {"nbits.bin"}, {}, kBounded);
}

// The file is the user's own, but not what the model's author had to give.
TEST_F(ConvertInput, DataBehindALinkThatLeadsOut) {
  scratch_.remove("nbits.bin");
  fs::create_symlink("/etc/passwd", scratch_.at("nbits.bin"));
  for (const std::vector<std::string>& words :
       {convert("nbits.onnx", "MatMulNBitsToQDQ"),
        std::vector<std::string>{"inspect", scratch_.at("nbits.onnx")}}) {
    scratch_.expect_refused(words, {"nbits.onnx: tensor '", "'nbits.bin'", "outside the model's",
                                    "put the data into the model's folder"});
  }
}

TEST_F(ConvertInput, PassesAndOptionsThatAreNone) {
  scratch_.expect_refused(convert("blocks.onnx", "OnnxAwq"),
                          {"OnnxAwq", "known passes", "BlockQuantToLpbq"});
  scratch_.expect_refused(convert("blocks.onnx", "BlockQuantToLpbq", {"--set", "blocksize=3"}),
                          {"BlockQuantToLpbq", "blocksize"});
  scratch_.expect_refused(convert("blocks.onnx", "BlockQuantToLpbq", {"--set", "on_unsupported"}),
                          {"--set on_unsupported", "OPTION=VALUE"});
  scratch_.expect_refused(
      convert("blocks.onnx", "BlockQuantToLpbq", {"--set", "on_unsupported=perhaps"}),
      {"on_unsupported", "perhaps"});
  scratch_.expect_refused(convert("blocks.onnx", "BlockQuantToLpbq",
                                  {"--pass", "MatMulNBitsToQDQ", "--set", "on_unsupported=leave"}),
                          {"which of the passes"});
  scratch_.expect_refused(convert("blocks.onnx", "BlockQuantToLpbq", {"--set", "Other.x=1"}),
                          {"--pass Other"});
  scratch_.expect_refused(convert("blocks.onnx", "BlockQuantToLpbq", {"--arch", "v99"}),
                          {"arch 'v99'", "v73"});
  scratch_.expect_refused({"convert", scratch_.at("blocks.onnx")}, {"a pass and an output"});
}

TEST_F(ConvertInput, FormsAndPassesThatAConversionCannotDo) {
  scratch_.expect_refused(convert("nbits.onnx", "MatMulNBitsToQDQ", {"--set", "use_int4=true"}),
                          {"MatMulNBits_0", "zero points", "on_unsafe"});
  scratch_.expect_refused(convert("blocks.onnx", "OnnxStaticQuantization"),
                          {"OnnxStaticQuantization"});
}

TEST_F(ConvertInput, PlacesThatCannotBeWritten) {
  scratch_.expect_refused({"convert", scratch_.at("blocks.onnx"), "--pass", "BlockQuantToLpbq",
                           "-o", scratch_.at("blocks.onnx"), "--force"},
                          {"blocks.onnx", "written over"});
  scratch_.expect_refused({"convert", scratch_.at("blocks.onnx"), "--pass", "BlockQuantToLpbq",
                           "-o", scratch_.at("none/out.onnx")},
                          {"none/out.onnx"});
  scratch_.write("out.onnx", "here already");
  scratch_.expect_refused(convert("blocks.onnx", "BlockQuantToLpbq"),
                          {"out.onnx", "exists already", "--force"});
  EXPECT_EQ(scratch_.read("out.onnx"), "here already");
  // A full disk while replacing leaves what was there, and nothing else.
  const Outcome full =
      lapidary(convert("blocks.onnx", "BlockQuantToLpbq", {"--force"}), {.file_bytes = 2000});
  EXPECT_EQ(full.exit_code, 2) << full.err;
  EXPECT_NE(full.err.find("out.onnx"), std::string::npos) << full.err;
  EXPECT_FALSE(fs::exists(scratch_.at("out.onnx.partial")));
  EXPECT_EQ(scratch_.read("out.onnx"), "here already");
}

}  // namespace
}  // namespace lapidary::refusals
