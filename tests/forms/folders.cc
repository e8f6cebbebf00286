#include "forms/folders.h"

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "checkpoint/test_tensors.h"
#include "forms/packed_weights.h"
#include "forms/stored_digest.h"
#include "gguf/testing/gguf_bytes.h"

namespace lapidary::golden {
namespace {

using checkpoint::TempDir;
using checkpoint::TestTensors;

const std::string kText = "model.language_model.";
const std::string kTable = kText + "embed_tokens.weight";

using Tensors = std::function<void(TestTensors&)>;
using Files = std::function<void(const TempDir&)>;

struct FolderForm {
  Tensors tensors = [](TestTensors&) {};
  Files files = [](const TempDir&) {};
};

Tensors renamed(const std::function<std::string(const std::string&)>& change) {
  return [change](TestTensors& t) { t.rename(change); };
}
Tensors prefixed(const std::string& prefix) {
  return renamed([prefix](const std::string& name) { return prefix + name; });
}

std::string before_4_52(const std::string& name) {
  return name.starts_with(kText) ? "language_model.model." + name.substr(kText.size())
                                 : name.substr(6);
}

std::string left_by_adapter(const std::string& name) {
  const std::string end = "self_attn.q_proj.weight";
  if (!name.ends_with(end)) return name;
  return name.substr(0, name.size() - end.size()) + "self_attn.q_proj.base_layer.weight";
}

FolderForm text_alone(const std::string& prefix) {
  return {[prefix](TestTensors& t) {
            std::erase_if(t.all, [](const auto& each) { return !each.first.starts_with(kText); });
            t.rename([&](const std::string& name) { return prefix + name.substr(kText.size()); });
          },
          [](const TempDir& dir) {
            checkpoint::edit_json(dir, "config.json", [](Json& config) {
              Json text = config["text_config"];
              text["architectures"] = {"Gemma4ForCausalLM"};
              config = text;
            });
          }};
}

void add_head(TestTensors& t) { t.all["lm_head.weight"] = t.all[kTable]; }

void add_other_head(TestTensors& t) {
  add_head(t);
  TestTensors::Stored& head = t.all["lm_head.weight"];
  const Json vocabulary =
      load_json(checkpoint::tiny_checkpoint() / "tokenizer.json").value()["model"]["vocab"];
  const size_t row = head.bytes.size() / static_cast<size_t>(head.shape[0]);
  const size_t a = row * vocabulary["\u2581fifteen"].get<size_t>();
  const size_t b = row * vocabulary["\u2581star"].get<size_t>();
  std::swap_ranges(head.bytes.begin() + static_cast<std::ptrdiff_t>(a),
                   head.bytes.begin() + static_cast<std::ptrdiff_t>(a + row),
                   head.bytes.begin() + static_cast<std::ptrdiff_t>(b));
}

void add_buffers(TestTensors& t) {
  std::string ones;
  for (int i = 0; i < 16; ++i) ones += gguf::raw(1.0F);
  t.all[kText + "rotary_emb.inv_freq"] = {"F32", {16}, ones};
  t.all[kText + "embed_tokens.embed_scale"] = {"F32", {1}, gguf::raw(1.0F)};
}

FolderForm one_table_resized() {
  return {[](TestTensors& t) {
            TestTensors::Stored& table = t.all[kTable];
            const std::string row = table.bytes.substr(0, table.bytes.size() / 1024);
            table.bytes += row + row;
            table.shape[0] = 1026;
          },
          [](const TempDir& dir) {
            checkpoint::edit_json(dir, "config.json",
                                  [](Json& c) { c["text_config"]["vocab_size"] = 1026; });
            checkpoint::edit_json(dir, "tokenizer.json", [](Json& t) {
              for (const int id : {1024, 1025}) {
                Json token = t["added_tokens"][0];
                token["id"] = id;
                token["content"] = id == 1024 ? "<tool_a>" : "<tool_b>";
                t["added_tokens"].push_back(token);
              }
            });
          }};
}

void leave_as_trainers_do(const TempDir& dir) {
  checkpoint::edit_json(dir, "config.json", [](Json& c) {
    c["unsloth_fixed"] = true;
    c["model_name"] = "mine/model";
  });
  checkpoint::edit_json(dir, "generation_config.json", [](Json& g) { g["eos_token_id"] = 1; });
  checkpoint::edit_json(dir, "tokenizer.json", [](Json& t) {
    t["truncation"] = {
        {"direction", "Right"}, {"max_length", 8}, {"strategy", "LongestFirst"}, {"stride", 0}};
  });
}

Files without(const std::vector<std::string>& names) {
  return [names](const TempDir& dir) {
    for (const std::string& name : names) std::filesystem::remove(dir.path() / name);
  };
}

Files template_to(const std::string& file) {
  return [file](const TempDir& dir) {
    const std::string source = checkpoint::read_file(dir.path() / "chat_template.jinja");
    std::filesystem::remove(dir.path() / "chat_template.jinja");
    if (!std::filesystem::exists(dir.path() / file)) dir.write(file, Json::object());
    checkpoint::edit_json(dir, file, [&](Json& json) { json["chat_template"] = source; });
  };
}

Tensors packed(const std::string& scheme) {
  return [scheme](TestTensors& t) {
    std::vector<std::string> names;
    for (const auto& [name, stored] : t.all) {
      if (is_packed_here(name, stored)) names.push_back(name.substr(0, name.rfind('.')));
    }
    for (const std::string& name : names) pack_weight(t, name, scheme);
  };
}

Files with_quantization(const std::string& scheme) {
  return [scheme](const TempDir& dir) {
    const Json golden =
        load_json(source_dir() / "tests/golden/compressed_tensors" / (scheme + ".json")).value();
    checkpoint::edit_json(dir, "config.json", [&](Json& config) { config.update(golden); });
  };
}

void round_matrices(TestTensors& t) {
  for (auto& [name, stored] : t.all) {
    if (name.starts_with(kText) && stored.shape.size() == 2) round_to_q4_0(stored);
  }
}

std::map<std::string, FolderForm> folder_forms() {
  const Files no_processors = without({"processor_config.json", "preprocessor_config.json"});
  std::map<std::string, FolderForm> out = {
      {"as_saved", {}},
      {"before_4_52", {.tensors = renamed(before_4_52)}},
      {"bare_model", {.tensors = renamed([](const std::string& name) { return name.substr(6); })}},
      {"peft", {.tensors = prefixed("base_model.model.")}},
      {"peft_base_layer", {.tensors = renamed(left_by_adapter)}},
      {"distributed", {.tensors = prefixed("module.")}},
      {"compiled", {.tensors = prefixed("_orig_mod.")}},
      {"twice_model", {.tensors = prefixed("model.")}},
      {"unknown_wrapper", {.tensors = prefixed("policy.net.")}},
      {"text_alone", text_alone("model.")},
      {"bare_text_model", text_alone("")},
      {"tied_head_only",
       {.tensors =
            [](TestTensors& t) {
              add_head(t);
              t.all.erase(kTable);
            }}},
      {"tied_head_equal", {.tensors = add_head}},
      {"tied_head_differs", {.tensors = add_other_head}},
      {"buffers", {.tensors = add_buffers}},
      {"one_table_resized", one_table_resized()},
      {"trained", {.files = leave_as_trainers_do}},
      {"template_in_json", {.files = template_to("chat_template.json")}},
      {"template_in_processor", {.files = template_to("processor_config.json")}},
      {"template_in_tokenizer",
       {.files =
            [=](const TempDir& dir) {
              template_to("tokenizer_config.json")(dir);
              no_processors(dir);
            }}},
      {"no_side_files",
       {.files =
            [=](const TempDir& dir) {
              without({"generation_config.json"})(dir);
              no_processors(dir);
            }}},
      {"qat_q4_0", {.tensors = round_matrices}},
  };
  for (const char* scheme : {"int4_group", "int4_group_asymmetric", "int4_channel", "int8_channel",
                             "int8_group_asymmetric"}) {
    out[std::string("packed_") + scheme] = {packed(scheme), with_quantization(scheme)};
  }
  return out;
}

}  // namespace

std::string write_folder(const std::string& name, const TempDir& dir) {
  const auto forms = folder_forms();
  const auto form = forms.find(name);
  if (form == forms.end()) return "";
  TestTensors tensors = TestTensors::tiny();
  form->second.tensors(tensors);
  tensors.write_checkpoint(dir);
  form->second.files(dir);
  DigestPieces pieces;
  for (const auto& [tensor, stored] : tensors.all) {
    add_piece(pieces, tensor + " " + stored.dtype, stored.shape, stored.bytes);
  }
  return digest_of(pieces);
}

}  // namespace lapidary::golden
