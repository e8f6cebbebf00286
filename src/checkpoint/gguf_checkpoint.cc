#include "checkpoint/gguf_checkpoint.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "checkpoint/config_fields.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_names.h"
#include "gguf/dequantized.h"
#include "gguf/file.h"
#include "tensor/expressions.h"
#include "text/piece_vocabulary.h"

namespace lapidary::checkpoint {
namespace {

using gguf::GgufFile;
using gguf::Metadata;
using gguf::TensorInfo;

constexpr const char* kTokenTable = "token_embd.weight";
// In rope_freqs.weight what a frequency is divided by: 1 where it is kept, this and more where the
// pair is not rotated.
constexpr float kNotRotated = 1e29F;

// The tensors of a GGUF file, as StoredTensors asks for them.
class GgufTensors final : public TensorFile {
 public:
  explicit GgufTensors(std::shared_ptr<const GgufFile> file) : file_(std::move(file)) {
    for (const TensorInfo& info : file_->tensors()) {
      entries_.push_back({info.name, file_->stored(info).type(), info.offset});
    }
  }

  const MappedFile& mapped_file() const override { return file_->mapped_file(); }
  std::span<const std::byte> header_bytes() const override {
    return bytes().first(static_cast<size_t>(file_->data_begin()));
  }
  const std::vector<TensorEntry>& entries() const override { return entries_; }
  tensor::Tensor tensor(const TensorEntry& entry) const override {
    return file_->stored(info_of(entry));
  }
  tensor::TensorDigest& digest(const TensorEntry& entry) const override {
    return file_->digest(info_of(entry));
  }

 private:
  const TensorInfo& info_of(const TensorEntry& entry) const {
    return file_->tensors()[static_cast<size_t>(&entry - entries_.data())];
  }

  std::shared_ptr<const GgufFile> file_;
  std::vector<TensorEntry> entries_;  // one a tensor of the file, in its order
};

class GgufReader {
 public:
  explicit GgufReader(std::shared_ptr<const GgufFile> file)
      : file_(std::move(file)),
        where_(file_->path().string()),
        name_(file_->path().filename().string()) {}

  Result<GgufCheckpoint> read() {
    LAP_RETURN_IF_ERROR(add_config());
    LAP_RETURN_IF_ERROR(add_tokenizer());
    add_generation_config();
    GgufCheckpoint out;
    LAP_ASSIGN_OR_RETURN(out.weights, weights());
    note_types();
    out.stored = StoredTensors::of(std::make_shared<const GgufTensors>(file_));
    out.files = FileSet(where_, std::move(texts_));
    out.notes = std::move(notes_);
    return out;
  }

 private:
  const Metadata& metadata() const { return file_->metadata(); }

  Result<std::optional<double>> rotated_share() const {
    const TensorInfo* info = file_->find(kGgufRopeFactors);
    if (info == nullptr) return std::optional<double>();
    LAP_ASSIGN_OR_RETURN(const std::vector<float> factors,
                         gguf::dequantized(*file_, *info).to_floats());
    const auto kept = std::find_if(factors.begin(), factors.end(), [](float f) { return f != 1; });
    const bool known = std::all_of(kept, factors.end(), [](float f) { return f >= kNotRotated; });
    if (factors.empty() || !known) {
      return unsupported(where_, fmt::format("'{}' scales frequencies", kGgufRopeFactors),
                         "some that are kept and others that are not are supported");
    }
    return std::optional(static_cast<double>(kept - factors.begin()) /
                         static_cast<double>(factors.size()));
  }

  Status add_config() {
    const auto rows = [&](const char* name) {
      const TensorInfo* info = file_->find(name);
      return info == nullptr ? 0 : info->rows();
    };
    GgufFacts facts;
    facts.vocabulary = rows(kTokenTable);
    facts.has_head = file_->find("output.weight") != nullptr;
    facts.per_layer_vocabulary = rows("per_layer_token_embd.weight");
    LAP_ASSIGN_OR_RETURN(facts.rotated_share, rotated_share());
    LAP_ASSIGN_OR_RETURN(config_, gguf_config(metadata(), where_, facts));
    if (facts.vocabulary == 0) {
      return bad_input(where_, fmt::format("tensor '{}' is missing", kTokenTable),
                       "a GGUF file of the text model is needed, not one of its towers (mmproj)");
    }
    texts_["config.json"] = config_.dump(2) + "\n";
    return {};
  }

  // Nothing when the key is not there.
  Result<std::optional<int32_t>> token(const char* key) const {
    const std::string whole = std::string("tokenizer.ggml.") + key;
    if (!metadata().has(whole)) return std::optional<int32_t>();
    LAP_ASSIGN_OR_RETURN(const int64_t id, metadata().integer(whole, 0, kTokenId.max));
    return std::optional(static_cast<int32_t>(id));
  }

  Result<bool> flag(const char* key, bool otherwise) const {
    const std::string whole = std::string("tokenizer.ggml.") + key;
    return metadata().has(whole) ? metadata().boolean(whole) : Result<bool>(otherwise);
  }

  Status check_kind() const {
    LAP_ASSIGN_OR_RETURN(const std::string kind, metadata().string("tokenizer.ggml.model"));
    if (kind != "llama" && kind != "gemma4") {
      return unsupported(where_, fmt::format("'tokenizer.ggml.model' is '{}'", kind),
                         "llama (SentencePiece) and gemma4 are supported");
    }
    LAP_ASSIGN_OR_RETURN(const bool prefix, flag("add_space_prefix", kind == "llama"));
    if (!prefix) return {};
    return unsupported(where_,
                       "'tokenizer.ggml.add_space_prefix' is true, or left out: texts would begin "
                       "with a space",
                       "Gemma's tokenizer has false");
  }

  Status add_tokenizer() {
    LAP_RETURN_IF_ERROR(check_kind());
    LAP_ASSIGN_OR_RETURN(tokens_, metadata().strings("tokenizer.ggml.tokens"));
    text::PieceVocabulary v;
    v.pieces.reserve(tokens_.size());
    for (size_t i = 0; i < tokens_.size(); ++i) v.pieces.push_back(tokens_[i]);
    LAP_ASSIGN_OR_RETURN(const auto kinds, metadata().integers("tokenizer.ggml.token_type", 1, 6));
    for (const int64_t kind : kinds) v.kinds.push_back(static_cast<text::PieceKind>(kind));
    gguf::StringArray merges;
    if (metadata().has("tokenizer.ggml.merges")) {
      LAP_ASSIGN_OR_RETURN(merges, metadata().strings("tokenizer.ggml.merges"));
      for (size_t i = 0; i < merges.size(); ++i) v.merges.push_back(merges[i]);
    } else {
      LAP_ASSIGN_OR_RETURN(v.scores, metadata().floats("tokenizer.ggml.scores"));
    }
    LAP_ASSIGN_OR_RETURN(const bool adds_bos, flag("add_bos_token", true));
    if (adds_bos) {
      LAP_ASSIGN_OR_RETURN(v.bos, token("bos_token_id"));
    }
    LAP_ASSIGN_OR_RETURN(v.unknown, token("unknown_token_id"));
    LAP_ASSIGN_OR_RETURN(texts_["tokenizer.json"], text::tokenizer_json(v, where_));
    for (size_t i = 0; i < v.kinds.size(); ++i) {
      const bool ends_turn = v.pieces[i] == "<end_of_turn>" || v.pieces[i] == "<turn|>";
      if (ends_turn && v.kinds[i] != text::PieceKind::kNormal) end_of_turn_ = i;
    }
    return add_tokenizer_config();
  }

  Status add_tokenizer_config() {
    Json json = Json::object();
    constexpr std::array<std::pair<const char*, const char*>, 4> kParts = {
        {{"bos_token", "bos_token_id"},
         {"eos_token", "eos_token_id"},
         {"unk_token", "unknown_token_id"},
         {"pad_token", "padding_token_id"}}};
    for (const auto& [name, key] : kParts) {
      LAP_ASSIGN_OR_RETURN(const auto id, token(key));
      if (!id) continue;
      if (static_cast<size_t>(*id) >= tokens_.size()) {
        return bad_input(where_, fmt::format("'tokenizer.ggml.{}' is {}, and there are {} tokens",
                                             key, *id, tokens_.size()));
      }
      json[name] = std::string(tokens_[static_cast<size_t>(*id)]);
    }
    texts_["tokenizer_config.json"] = json.dump(2) + "\n";
    if (!metadata().has("tokenizer.chat_template")) return {};
    LAP_ASSIGN_OR_RETURN(texts_["chat_template.jinja"],
                         metadata().string("tokenizer.chat_template"));
    return {};
  }

  void add_generation_config() {
    Json json = Json::object();
    for (const char* key : {"bos_token_id", "pad_token_id"}) {
      if (config_.contains(key)) json[key] = config_[key];
    }
    Json ends = Json::array();
    if (config_.contains("eos_token_id")) ends.push_back(config_["eos_token_id"]);
    const auto add = [&](int64_t id) {
      if (std::find(ends.begin(), ends.end(), Json(id)) == ends.end()) ends.push_back(id);
    };
    if (const auto id = token("eot_token_id"); id.ok() && *id) add(**id);
    if (end_of_turn_) {
      add(static_cast<int64_t>(*end_of_turn_));
      notes_.push_back(fmt::format("{}: '{}' ends a reply", name_, tokens_[*end_of_turn_]));
    }
    if (!ends.empty()) json["eos_token_id"] = std::move(ends);
    texts_["generation_config.json"] = json.dump(2) + "\n";
  }

  Result<Weights> weights() const {
    const bool norms_plus_one = config_["model_type"] == "gemma3_text";
    Weights out(file_->path());
    for (const TensorInfo& info : file_->tensors()) {
      if (info.name == kGgufRopeFactors) continue;
      const auto name = hugging_face_name(info.name);
      if (!name) {
        return bad_input(where_, fmt::format("tensor '{}' {} belongs to no text model of Gemma",
                                             info.name, tensor::to_string(info.shape)));
      }
      tensor::Tensor value = gguf::dequantized(*file_, info);
      if (norms_plus_one && info.name.ends_with("norm.weight")) {
        value = tensor::shift(tensor::cast(value, DType::kFloat), -1.0F);
      }
      out.set(*name, {std::move(value), file_->path(), info.name});
    }
    return out;
  }

  void note_types() {
    std::map<std::string_view, int64_t> packed;
    for (const TensorInfo& info : file_->tensors()) {
      if (info.format->is_packed()) ++packed[info.format->name];
    }
    if (packed.empty()) return;
    std::string all;
    for (const auto& [name, count] : packed) {
      all += fmt::format("{}{} {}", all.empty() ? "" : ", ", count, name);
    }
    notes_.push_back(
        fmt::format("{}: packed tensors ({}) are taken as the numbers that they hold", name_, all));
  }

  std::shared_ptr<const GgufFile> file_;
  std::string where_;
  std::string name_;  // in notes, which packages keep wherever the file lay
  Json config_;
  gguf::StringArray tokens_;
  std::optional<size_t> end_of_turn_;
  std::map<std::string, std::string> texts_;
  std::vector<std::string> notes_;
};

}  // namespace

Result<GgufCheckpoint> read_gguf_checkpoint(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(auto file, GgufFile::open(path));
  return GgufReader(std::move(file)).read();
}

}  // namespace lapidary::checkpoint
