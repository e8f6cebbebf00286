// The tiny model in every form that people have it in, against what transformers answers with that
// form (tools/checkpoint_forms/make.py).
#include <gtest/gtest.h>

#include <string>

#include "forms/expect_form.h"
#include "forms/folders.h"
#include "forms/gguf_file.h"
#include "golden_check.h"

namespace lapidary::golden {
namespace {

class GoldenForms : public testing::TestWithParam<const char*> {
 protected:
  const Case& golden_case() const {
    for (const Case& one : golden_.cases) {
      if (one.name == GetParam()) return one;
    }
    throw std::runtime_error("no golden");
  }

  GoldenFile golden_ = take(read_golden("forms"));
  checkpoint::TempDir dir_, scratch_;
};

// Catches a prefix, a head or a template that is taken for another, and any token unlike
// transformers'.
TEST_P(GoldenForms, FolderAnswersAsInTransformers) {
  const Case& one = golden_case();
  ASSERT_EQ(write_folder(one.name, dir_), one.stored_digest);
  expect_form(dir_.path(), golden_, one, scratch_.path());
}

INSTANTIATE_TEST_SUITE_P(
    Folders, GoldenForms,
    testing::Values("as_saved", "before_4_52", "bare_model", "peft", "peft_base_layer",
                    "distributed", "compiled", "twice_model", "unknown_wrapper", "text_alone",
                    "bare_text_model", "tied_head_only", "tied_head_equal", "tied_head_differs",
                    "buffers", "one_table_resized", "trained", "template_in_json",
                    "template_in_processor", "template_in_tokenizer", "no_side_files", "qat_q4_0",
                    "packed_int4_group", "packed_int4_group_asymmetric", "packed_int4_channel",
                    "packed_int8_channel", "packed_int8_group_asymmetric"),
    [](const auto& instance) { return std::string(instance.param); });

class GoldenGgufForms : public GoldenForms {};

// Catches a type whose blocks are read otherwise than the gguf package does, a tensor under
// another's name and a tokenizer that splits another way.
TEST_P(GoldenGgufForms, FileAnswersAsItsValuesDoInTransformers) {
  const Case& one = golden_case();
  const auto path = dir_.path() / "tiny.gguf";
  ASSERT_EQ(write_gguf(one.name, path), one.stored_digest);
  expect_form(path, golden_, one, scratch_.path());
}

INSTANTIATE_TEST_SUITE_P(Gguf, GoldenGgufForms,
                         testing::Values("gguf_F32", "gguf_F16", "gguf_BF16", "gguf_Q8_0",
                                         "gguf_Q4_0", "gguf_Q4_1", "gguf_Q5_0", "gguf_Q5_1",
                                         "gguf_Q2_K", "gguf_Q3_K", "gguf_Q4_K", "gguf_Q5_K",
                                         "gguf_Q6_K"),
                         [](const auto& instance) { return std::string(instance.param); });

// Catches a case that no test above is made for.
TEST(GoldenFormsFile, HasAsManyCasesAsTests) {
  EXPECT_EQ(take(read_golden("forms")).cases.size(), 27U + 13U);
}

}  // namespace
}  // namespace lapidary::golden
