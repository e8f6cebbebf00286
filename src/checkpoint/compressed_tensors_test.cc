// Weights that compressed-tensors packed. Goldens: tools/compressed_tensors/make.py.
#include "checkpoint/compressed_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/test_files.h"
#include "tensor/expressions.h"
#include "tensor/grid.h"

namespace lapidary::checkpoint {
namespace {

using tensor::Tensor;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::filesystem::path golden(const std::string& name) {
  return source_dir() / "tests/golden/compressed_tensors" / name;
}

Result<std::optional<CompressedTensorsConfig>> config_of(const Json& json) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument doc, JsonDocument::parse(json.dump(), "config.json"));
  JsonReader root = doc.root();
  std::optional<CompressedTensorsConfig> out = read_quantization_config(root);
  LAP_RETURN_IF_ERROR(doc.finish());
  return out;
}

Json golden_config(const std::string& name) {
  return Json::parse(read_file(golden(name + ".json")));
}

Result<Weights> golden_weights(const std::string& name, const TempDir& dir) {
  std::filesystem::copy(golden(name + ".safetensors"), dir.path() / "model.safetensors");
  LAP_ASSIGN_OR_RETURN(Weights weights, Weights::open(dir.path()));
  LAP_ASSIGN_OR_RETURN(const auto config, config_of(golden_config(name)));
  return unpack(std::move(weights), *config);
}

// Catches codes in another order, zero points packed along the wrong dim, and a lost offset.
TEST(CompressedTensors, WeightsAreTheGoldens) {
  for (const std::string name : {"int4_group", "int4_group_asymmetric", "int4_channel",
                                 "int8_channel", "int8_group_asymmetric"}) {
    const TempDir dir;
    const auto weights = golden_weights(name, dir);
    ASSERT_TRUE(weights.ok()) << weights.error().message();
    EXPECT_THAT(weights->names(), ::testing::ElementsAre("a.layer.weight", "expected"));
    const Tensor w = weights->tensor("a.layer.weight").value();
    EXPECT_EQ(w.shape(), (tensor::Shape{11, 128}));
    EXPECT_EQ(w.to_floats().value(), weights->tensor("expected")->to_floats().value()) << name;
    const auto grid = tensor::grid_of(w);
    ASSERT_TRUE(grid.has_value());
    EXPECT_EQ(grid->bits, name.starts_with("int4") ? 4 : 8);
    EXPECT_EQ(grid->symmetric(), !name.ends_with("asymmetric"));
    EXPECT_EQ(grid->block_size, name.find("channel") != std::string::npos ? 128
                                : name.starts_with("int8")                ? 64
                                                                          : 32);
  }
}

// Zero points are packed along the rows: a read that begins inside a word.
TEST(CompressedTensors, RowsCanBeReadFromTheMiddle) {
  const TempDir dir;
  const Weights weights = golden_weights("int4_group_asymmetric", dir).value();
  const Tensor w = weights.tensor("a.layer.weight").value();
  const std::vector<float> all = w.to_floats().value();
  std::vector<float> rows(size_t{3 * 128});
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(rows));
  ASSERT_TRUE(w.producer()->read_tiles(7, 10, std::span(&bytes, 1)).ok());
  EXPECT_EQ(rows, std::vector<float>(all.begin() + 7 * 128, all.begin() + 10 * 128));
}

TEST(CompressedTensors, ConfigsAreRead) {
  const auto config = config_of(golden_config("int8_group_asymmetric")).value();
  ASSERT_TRUE(config.has_value());
  EXPECT_THAT(config->schemes, ::testing::ElementsAre(PackedScheme{8, 64, false}));
  EXPECT_FALSE(config_of(Json::object())->has_value());
}

using Change = std::function<void(Json&)>;

std::string refusal(const Change& change, ErrorKind kind) {
  Json json = golden_config("int4_group");
  change(json["quantization_config"]);
  const auto config = config_of(json);
  if (config.ok()) return "accepted";
  EXPECT_EQ(config.error().kind, kind) << config.error().message();
  return config.error().message();
}

// Catches a form that would be read as if it were another.
TEST(CompressedTensors, OtherFormsAreRefusedByName) {
  constexpr auto kNo = ErrorKind::kUnsupported;
  const auto weights = [](const char* key, Json value) -> Change {
    return [key, value](Json& q) { q["config_groups"]["group_0"]["weights"][key] = value; };
  };
  for (const char* method : {"gptq", "awq", "bitsandbytes", "torchao", "fp8"}) {
    EXPECT_THAT(refusal([&](Json& q) { q["quant_method"] = method; }, kNo),
                AllOf(HasSubstr("quantization_config"), HasSubstr(method)));
  }
  for (const char* format : {"float-quantized", "nvfp4-pack-quantized", "int-quantized", "dense"}) {
    EXPECT_THAT(refusal([&](Json& q) { q["format"] = format; }, kNo),
                AllOf(HasSubstr("format"), HasSubstr(format)));
  }
  EXPECT_THAT(refusal(weights("actorder", "group"), kNo), HasSubstr("g_idx"));
  EXPECT_THAT(refusal(weights("actorder", true), kNo), HasSubstr("g_idx"));
  EXPECT_EQ(refusal(weights("actorder", "weight"), kNo), "accepted");
  EXPECT_EQ(refusal(weights("actorder", "static"), kNo), "accepted");
  EXPECT_THAT(refusal(weights("num_bits", 3), kNo), HasSubstr("num_bits' is 3"));
  EXPECT_THAT(refusal(weights("type", "float"), kNo), HasSubstr("'float'"));
  EXPECT_THAT(refusal(weights("strategy", "block"), kNo), HasSubstr("'block'"));
  EXPECT_THAT(refusal(weights("strategy", "tensor"), kNo), HasSubstr("'tensor'"));
  EXPECT_THAT(refusal(
                  [](Json& q) {
                    q["kv_cache_scheme"] = {{"num_bits", 8}};
                  },
                  kNo),
              HasSubstr("kv_cache_scheme"));
  EXPECT_THAT(refusal(
                  [](Json& q) {
                    q["transform_config"] = {{"config_groups", 1}};
                  },
                  kNo),
              HasSubstr("rotated"));
  EXPECT_THAT(refusal(
                  [](Json& q) {
                    q["config_groups"]["group_0"]["input_activations"] = {{"num_bits", 8}};
                  },
                  kNo),
              HasSubstr("activations"));
  constexpr auto kBad = ErrorKind::kBadInput;
  EXPECT_THAT(refusal(weights("group_size", 0), kBad), HasSubstr("group"));
  EXPECT_THAT(refusal([](Json& q) { q["config_groups"] = Json::object(); }, kBad),
              HasSubstr("no group"));
  EXPECT_THAT(refusal([](Json& q) { q["surprise"] = 1; }, kBad), HasSubstr("surprise"));
}

// What a file holds in place of what the golden does.
Weights changed(const TempDir& dir, const std::string& part, const Tensor& value) {
  std::filesystem::copy(golden("int4_group.safetensors"), dir.path() / "model.safetensors");
  Weights weights = Weights::open(dir.path()).value();
  weights.erase("expected");
  if (value.valid()) {
    weights.set("a.layer." + part, {value, "model.safetensors", "a.layer." + part});
  } else {
    weights.erase("a.layer." + part);
  }
  return weights;
}

std::string damage(const std::string& part, const Tensor& value) {
  const TempDir dir;
  const auto config = config_of(golden_config("int4_group")).value();
  const auto weights = unpack(changed(dir, part, value), *config);
  return weights.ok() ? "accepted" : weights.error().message();
}

TEST(CompressedTensors, DamagedPartsAreNamed) {
  EXPECT_EQ(damage("other", tensor::scalar(1.0F)), "accepted");
  EXPECT_THAT(damage("weight_scale", {}),
              AllOf(HasSubstr("'a.layer.weight_scale'"), HasSubstr("missing")));
  EXPECT_THAT(damage("weight_shape", {}), HasSubstr("'a.layer.weight_shape'"));
  EXPECT_THAT(damage("weight_shape", tensor::integers({2}, {11, int64_t{1} << 62})),
              HasSubstr("'a.layer.weight_shape'"));
  EXPECT_THAT(damage("weight_shape", tensor::integers({2}, {11, -128})), HasSubstr("-128"));
  EXPECT_THAT(damage("weight_shape", tensor::integers({2}, {11, 256})),
              AllOf(HasSubstr("[11, 256]"), HasSubstr("none of the schemes")));
  EXPECT_THAT(damage("weight_scale", tensor::floats({11, 2}, std::vector<float>(22))),
              HasSubstr("[11, 2]"));
  EXPECT_THAT(damage("weight_scale", tensor::integers({11, 4}, std::vector<int64_t>(44))),
              HasSubstr("not a float"));
  EXPECT_THAT(damage("weight_packed", tensor::floats({11, 16}, std::vector<float>(176))),
              HasSubstr("float32 [11, 16]"));
  EXPECT_THAT(damage("weight_zero_point", tensor::integers({2, 4}, std::vector<int64_t>(8))),
              HasSubstr("with zero points"));
  EXPECT_THAT(damage("weight_g_idx", tensor::integers({128}, std::vector<int64_t>(128))),
              HasSubstr("weight_g_idx"));
  EXPECT_THAT(damage("weight", tensor::scalar(1.0F)), HasSubstr("beside its packed form"));
}

// A config that promises what the files do not hold.
TEST(CompressedTensors, NothingPackedIsAnError) {
  const TempDir dir;
  const auto config = config_of(golden_config("int4_group")).value();
  const auto weights = unpack(Weights{}, *config);
  ASSERT_FALSE(weights.ok());
  EXPECT_THAT(weights.error().message(), HasSubstr("no packed weight"));
}

// The tiny checkpoint, whose weights are plain, under a config of packed ones.
TEST(CompressedTensors, AConfigThatSaysSoNeedsPackedWeights) {
  const TempDir dir;
  link_tiny_checkpoint(dir);
  Json config = Json::parse(read_file(tiny_checkpoint() / "config.json"));
  config["quantization_config"] = golden_config("int4_group")["quantization_config"];
  std::filesystem::remove(dir.path() / "config.json");
  dir.write("config.json", config);
  const auto opened = Checkpoint::open(dir.path());
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message(), HasSubstr("no packed weight"));
}

}  // namespace
}  // namespace lapidary::checkpoint
