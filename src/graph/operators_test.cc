// GCC 12 sees states of std::regex uninitialized under AddressSanitizer, which they are not (its bug
// 105562).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "graph/operators.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "base/testing/source_dir.h"

namespace lapidary::graph {
namespace {

std::string name_of_row(const Operator& row) {
  return Node{std::string(row.domain), std::string(row.op_type), "", {}, {}, {}}.qualified_op();
}

// Would catch a rule left out of a row by accident. The rows named here are in graphs that come
// from elsewhere, whose dtypes alone we follow.
TEST(Operators, RowsAreComplete) {
  std::vector<std::string> without_shapes;
  for (const Operator& row : operators()) {
    EXPECT_FALSE(row.op_type.empty());
    EXPECT_NE(row.dtype, nullptr) << name_of_row(row);
    EXPECT_EQ(row.shape.shapes == nullptr, row.shape.required == 0) << name_of_row(row);
    if (row.shape.shapes == nullptr) without_shapes.push_back(name_of_row(row));
    EXPECT_TRUE(row.domain.empty() || row.quantization == Quantization::kNone)
        << name_of_row(row) << ": static quantization takes ONNX's own operators";
  }
  const std::vector<std::string> known = {"Acos",
                                          "Acosh",
                                          "AffineGrid",
                                          "ArgMax",
                                          "ArgMin",
                                          "Asin",
                                          "Asinh",
                                          "Atan",
                                          "Atanh",
                                          "AveragePool",
                                          "BatchNormalization",
                                          "Bernoulli",
                                          "BitCast",
                                          "BitShift",
                                          "BitwiseAnd",
                                          "BitwiseNot",
                                          "BitwiseOr",
                                          "BitwiseXor",
                                          "BlackmanWindow",
                                          "CastLike",
                                          "CausalConvWithState",
                                          "Celu",
                                          "CenterCropPad",
                                          "Col2Im",
                                          "Constant",
                                          "ConvInteger",
                                          "ConvTranspose",
                                          "Cosh",
                                          "CumProd",
                                          "DFT",
                                          "DeformConv",
                                          "DepthToSpace",
                                          "Det",
                                          "Dropout",
                                          "DynamicQuantizeLinear",
                                          "Einsum",
                                          "Elu",
                                          "EyeLike",
                                          "Flatten",
                                          "GRU",
                                          "GatherND",
                                          "GlobalAveragePool",
                                          "GlobalLpPool",
                                          "GlobalMaxPool",
                                          "GridSample",
                                          "GroupNormalization",
                                          "HammingWindow",
                                          "HannWindow",
                                          "HardSigmoid",
                                          "HardSwish",
                                          "Hardmax",
                                          "ImageDecoder",
                                          "InstanceNormalization",
                                          "IsInf",
                                          "IsNaN",
                                          "LRN",
                                          "LSTM",
                                          "LeakyRelu",
                                          "LinearAttention",
                                          "LogSoftmax",
                                          "LpNormalization",
                                          "LpPool",
                                          "MatMulInteger",
                                          "MaxPool",
                                          "MaxRoiPool",
                                          "MaxUnpool",
                                          "MeanVarianceNormalization",
                                          "MelWeightMatrix",
                                          "Mish",
                                          "Multinomial",
                                          "NegativeLogLikelihoodLoss",
                                          "NonMaxSuppression",
                                          "OneHot",
                                          "OptionalHasElement",
                                          "PRelu",
                                          "QLinearConv",
                                          "QLinearMatMul",
                                          "RNN",
                                          "RandomNormal",
                                          "RandomNormalLike",
                                          "RandomUniform",
                                          "RandomUniformLike",
                                          "ReduceL1",
                                          "ReduceL2",
                                          "ReduceLogSum",
                                          "ReduceLogSumExp",
                                          "ReduceProd",
                                          "ReduceSumSquare",
                                          "RegexFullMatch",
                                          "Resize",
                                          "ReverseSequence",
                                          "RoiAlign",
                                          "STFT",
                                          "Scatter",
                                          "Selu",
                                          "SequenceLength",
                                          "Shrink",
                                          "Sinh",
                                          "SoftmaxCrossEntropyLoss",
                                          "Softsign",
                                          "SpaceToDepth",
                                          "StringConcat",
                                          "StringNormalizer",
                                          "StringSplit",
                                          "Sum",
                                          "SwiGLU",
                                          "Tan",
                                          "TensorScatter",
                                          "TfIdfVectorizer",
                                          "ThresholdedRelu",
                                          "TopK",
                                          "Unique",
                                          "Upsample",
                                          "com.microsoft::GatherBlockQuantized",
                                          "com.microsoft::RotaryEmbedding"};
  EXPECT_EQ(without_shapes, known);
}

// Would catch a search that loses the first or the last row, or the domain.
TEST(Operators, EveryRowIsFound) {
  for (const Operator& row : operators()) {
    EXPECT_EQ(find_operator(row.domain, row.op_type), &row) << name_of_row(row);
  }
  EXPECT_EQ(find_operator("", "A"), nullptr);
  EXPECT_EQ(find_operator("", "MatMulNBits"), nullptr);
  EXPECT_EQ(find_operator(kMicrosoftDomain, "MatMul"), nullptr);
  EXPECT_EQ(find_operator("zzz", "MatMul"), nullptr);
  EXPECT_NE(find_operator("", "RotaryEmbedding"),
            find_operator(kMicrosoftDomain, "RotaryEmbedding"));
}

// Would catch a group that is not the operator's: one encoding where values are computed, or two
// where they are only moved.
TEST(Operators, QuantizationIsThatOfTheOperator) {
  const auto of = [](const char* op_type) { return find_operator("", op_type)->quantization; };
  EXPECT_EQ(of("MatMul"), Quantization::kAllInputs);
  EXPECT_EQ(of("Where"), Quantization::kAllInputs);
  EXPECT_EQ(of("Clip"), Quantization::kFirstInput);
  EXPECT_EQ(of("ReduceSum"), Quantization::kFirstInput);
  EXPECT_EQ(of("Concat"), Quantization::kMovesAll);
  EXPECT_EQ(of("Gather"), Quantization::kMovesFirst);
  EXPECT_EQ(of("Transpose"), Quantization::kMovesFirst);
  EXPECT_EQ(of("QuantizeLinear"), Quantization::kNone);
  EXPECT_EQ(of("Attention"), Quantization::kNone);
}

// The names of operators in the calls and nodes that emit them.
std::set<std::string> emitted_by(const std::filesystem::path& folder) {
  static const std::regex call(
      R"re(\b(?:op|microsoft_op)\(\s*"(\w+)"|\bmulti_op\([^"]*(?:"",\s*)?"(\w+)"|\bop_type = "(\w+)")re");
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (entry.path().extension() != ".cc" || file.ends_with("_test.cc")) continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const std::string source = text.str();
    for (std::sregex_iterator it(source.begin(), source.end(), call), end; it != end; ++it) {
      for (size_t group = 1; group < it->size(); ++group) {
        if ((*it)[group].matched) out.insert((*it)[group].str());
      }
    }
  }
  return out;
}

// Would catch a builder or pass that emits an operator whose dtypes or shapes nobody can tell: the
// graph could be neither fixed nor quantized.
TEST(Operators, EachThatOurGraphsUseHasARow) {
  const std::filesystem::path source = source_dir() / "src";
  std::set<std::string> names;
  for (const char* room : {"nn", "gemma4", "passes"}) names.merge(emitted_by(source / room));
  EXPECT_GT(names.size(), 40U) << "the sources are not read as they are written";
  EXPECT_TRUE(names.contains("Split") && names.contains("GroupQueryAttention"));
  for (const std::string& name : names) {
    const Operator* row = find_operator("", name);
    if (row == nullptr) row = find_operator(kMicrosoftDomain, name);
    ASSERT_NE(row, nullptr) << name;
    if (name == "GatherBlockQuantized") continue;  // replaces the last node of an embedding
    EXPECT_NE(row->shape.shapes, nullptr) << name;
  }
}

}  // namespace
}  // namespace lapidary::graph
