#include "recipe/htp_form.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "contract/component.h"
#include "recipe/olive_names.h"

namespace lapidary::recipe {
namespace {

constexpr const char* kStatic = "StaticLLM";
constexpr const char* kQuantization = "OnnxStaticQuantization";
constexpr const char* kBlocksToQdq = "MatMulNBitsToQDQ";
constexpr const char* kLpbq = "BlockQuantToLpbq";
// Passes that mean the HTP: nothing that stays on the CPU wants them.
constexpr std::array<const char*, 7> kOfTheHtp = {
    kBlocksToQdq,        kQuantization,          kLpbq,
    kCompileType,        "LowerRotaryEmbedding", "LowerRMSNormalization",
    "RemoveLogitSoftcap"};
constexpr int64_t kPrefill = 64;  // StaticLLM's own default
constexpr const char* kRequantize = "recode";

// One entry of "passes".
struct Step {
  std::string name;
  Json json;

  bool is(const char* type) const {
    return json.is_object() && json.contains("type") && json["type"].is_string() &&
           same_type(json["type"].get_ref<const std::string&>(), type);
  }
  // Where its options stand.
  Json& options() {
    return json.contains("config") && json["config"].is_object() ? json["config"] : json;
  }
  bool says(const char* key) { return options().contains(key) && !options()[key].is_null(); }
};

class Completion {
 public:
  explicit Completion(Json recipe) { form_.recipe = std::move(recipe); }

  HtpForm run() {
    if (!read() || find(kCompileType) == nullptr) return std::move(form_);
    put_fixed_first();
    restrict_components();
    complete_quantization();
    complete_blocks();
    convert_blocks();
    Json passes = Json::object();
    for (Step& step : steps_) passes[step.name] = std::move(step.json);
    form_.recipe["passes"] = std::move(passes);
    return std::move(form_);
  }

 private:
  bool read() {
    if (!form_.recipe.is_object() || !form_.recipe.contains("passes")) return false;
    const Json& passes = form_.recipe["passes"];
    if (!passes.is_object()) return false;
    for (const auto& [name, value] : passes.items()) {
      const bool one = value.is_array() && value.size() == 1;
      steps_.push_back({name, one ? value[0] : value});
    }
    return true;
  }

  Step* find(const char* type) {
    const auto it =
        std::find_if(steps_.begin(), steps_.end(), [&](const Step& step) { return step.is(type); });
    return it == steps_.end() ? nullptr : &*it;
  }

  void note(const Step& step, const std::string& what) {
    form_.notes.push_back(fmt::format("'{}': {}", step.name, what));
  }

  // The name of a pass of that type which is added; no other has it.
  std::string new_name(const std::string& wish) const {
    std::string name = wish;
    while (std::any_of(steps_.begin(), steps_.end(),
                       [&](const Step& step) { return step.name == name; })) {
      name += "_";
    }
    return name;
  }

  void put_fixed_first() {
    const auto at = std::find_if(steps_.begin(), steps_.end(),
                                 [](const Step& step) { return step.is(kStatic); });
    if (at == steps_.end()) return;
    const auto front = steps_.begin() + (steps_.front().is(kBuilderType) ? 1 : 0);
    const bool moves = std::any_of(front, at, [](const Step& step) {
      return step.is(kQuantization) || step.is(kBlocksToQdq);
    });
    if (moves) {
      note(*at, "runs first: ranges are found, and weights quantized, at fixed lengths");
      std::rotate(front, at, at + 1);
    }
    complete_lengths(*find(kStatic));
    if (!find(kStatic)->says("components")) fix_encoders(*find(kStatic));
    add_lowering("LowerRMSNormalization", "lower_rms_normalization");
    add_lowering("LowerRotaryEmbedding", "lower_rotary_embedding");
  }

  void complete_lengths(Step& step) {
    Json& options = step.options();
    const auto context =
        step.says("context_length") ? integer_of(options["context_length"]) : std::nullopt;
    if (!context) return;  // StaticLLM says what is wrong with it
    if (!step.says("prefill_length") && *context <= kPrefill && *context > 2) {
      options["prefill_length"] = *context / 2;
      note(step, fmt::format("prefill_length is {}, half the context_length", *context / 2));
    }
    if (!step.says("calibration_length") && find(kQuantization) != nullptr) {
      options["calibration_length"] = *context;
      note(step, fmt::format("calibration_length is the context_length, {}", *context));
    }
  }

  // Without "components" Olive's pass means the encoders as well.
  void fix_encoders(Step& step) {
    step.json["components"] = {name_of(contract::Component::kDecoder)};
    if (find(kBuilderType) == nullptr) {
      steps_.insert(steps_.begin(), {new_name("build"), {{"type", kBuilderType}}});
    }
    Step& builder = *find(kBuilderType);
    for (const char* key : {"image_soft_tokens", "audio_soft_tokens"}) {
      if (!builder.says(key)) builder.options()[key] = "auto";
    }
    note(*find(kStatic), "encoders get the length of the checkpoint's longest image and clip");
  }

  void add_lowering(const char* type, const char* name) {
    const Step& lengths = *find(kStatic);
    if (find(type) != nullptr) return;
    note(lengths, fmt::format("is followed by {}, which the HTP needs", type));
    const auto at = std::find_if(steps_.begin(), steps_.end(),
                                 [](const Step& step) { return step.is(kStatic); });
    steps_.insert(at + 1,
                  {new_name(name),
                   {{"type", type}, {"components", {name_of(contract::Component::kDecoder)}}}});
  }

  void restrict_components() {
    for (Step& step : steps_) {
      const bool wanted = std::any_of(kOfTheHtp.begin(), kOfTheHtp.end(),
                                      [&](const char* type) { return step.is(type); });
      if (!wanted || step.says("components")) continue;
      step.json["components"] = {name_of(contract::Component::kVisionEncoder),
                                 name_of(contract::Component::kAudioEncoder),
                                 name_of(contract::Component::kDecoder)};
      note(step, "leaves the embedding alone, which stays on the CPU");
    }
  }

  void complete_quantization() {
    Step* step = find(kQuantization);
    if (step == nullptr) return;
    Json& options = step->options();
    for (const char* key : {"precision", "weight_type"}) {
      if (!step->says(key) || !options[key].is_string()) continue;
      const auto value = options[key].get<std::string>();
      if (!same_type(value, "uint8") && !same_type(value, "QUInt8")) continue;
      options[key] = "int8";
      note(*step,
           fmt::format("{} is int8, symmetric: the HTP refuses asymmetric weights per channel",
                       key));
    }
    if (step->says("quantized_io")) return;
    options["quantized_io"] = {"*"};
    note(*step, "quantizes the graphs' inputs and outputs too");
  }

  void complete_blocks() {
    for (Step& step : steps_) {
      if (!step.is(kBlocksToQdq) || step.says("on_unsafe")) continue;
      step.options()["on_unsafe"] = kRequantize;
      const Json zero_point = step.options().value("add_zero_point", Json(false));
      if (zero_point != Json(true)) continue;
      note(step,
           "asymmetric blocks are quantized again, symmetric: the HTP computes wrong numbers "
           "with their zero points");
    }
  }

  void convert_blocks() {
    Step& compile = *find(kCompileType);
    const bool wanted = compile.options().value("convert_bq_to_lpbq", Json(false)) == Json(true);
    if (!wanted || find(kLpbq) != nullptr) return;
    Step added{new_name("lpbq"), {{"type", kLpbq}, {"components", compile.json["components"]}}};
    // Ranges and blocks are there by then; SplitModel counts the bytes of the result.
    const auto at = std::find_if(steps_.begin(), steps_.end(), [](const Step& step) {
      return step.is("SplitModel") || step.is(kCompileType);
    });
    note(compile, "convert_bq_to_lpbq adds BlockQuantToLpbq");
    steps_.insert(at, std::move(added));
  }

  HtpForm form_;
  std::vector<Step> steps_;
};

}  // namespace

HtpForm htp_form(Json recipe) { return Completion(std::move(recipe)).run(); }

}  // namespace lapidary::recipe
