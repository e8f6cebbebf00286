#include "checkpoint/adapter.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"
#include "checkpoint/downloaded_file.h"
#include "checkpoint/tensor_names.h"

namespace lapidary::checkpoint {
namespace {

constexpr const char* kAdapterConfigFile = "adapter_config.json";
constexpr const char* kAdapterTensorsFile = "adapter_model.safetensors";
constexpr const char* kAdapterPickleFile = "adapter_model.bin";
constexpr std::string_view kPeftPrefix = "base_model.model.";
constexpr std::string_view kOwnCopy = "modules_to_save";

enum class Factor { kA, kB, kTableA, kTableB };
constexpr std::array<std::pair<std::string_view, Factor>, 4> kFactors = {{
    {"lora_A", Factor::kA},
    {"lora_B", Factor::kB},
    {"lora_embedding_A", Factor::kTableA},
    {"lora_embedding_B", Factor::kTableB},
}};
// Parts of names whose tensors change the numbers in ways that are not followed.
constexpr std::array<std::string_view, 2> kDoraParts = {"lora_magnitude_vector", "lora_magnitude"};

// What stands before and after a part of a dotted name: "a.b", "lora_A", "default.weight".
struct NameParts {
  std::string_view module, part, rest;
};

// The next part of `name` from `begin` on, which must lie in it.
NameParts parts_at(std::string_view name, size_t begin) {
  const size_t end = std::min(name.find('.', begin), name.size());
  return {name.substr(0, begin == 0 ? 0 : begin - 1), name.substr(begin, end - begin),
          end == name.size() ? std::string_view() : name.substr(end + 1)};
}

bool is_one_part(std::string_view name) {
  return !name.empty() && name.find('.') == std::string_view::npos;
}

// Whether what follows lora_A, or lora_embedding_A, ends a name: "weight", "default.weight"; "",
// "default".
bool ends_factor(Factor factor, std::string_view rest) {
  if (factor == Factor::kTableA || factor == Factor::kTableB) {
    return rest.empty() || is_one_part(rest);
  }
  if (rest == "weight") return true;
  const size_t dot = rest.find('.');
  return dot != std::string_view::npos && dot > 0 && rest.substr(dot + 1) == "weight";
}

bool is_weight_dtype(DType dtype) {
  return dtype == DType::kBfloat16 || dtype == DType::kFloat16 || dtype == DType::kFloat;
}

Result<std::string> hash_of(const std::filesystem::path& dir, const Work& work) {
  Fingerprint print;
  for (const char* name : {kAdapterConfigFile, kAdapterTensorsFile}) {
    LAP_ASSIGN_OR_RETURN(const std::string hash, file_hash(dir / name, work));
    print.add(hash);
  }
  return print.hex();
}

Result<std::filesystem::path> adapter_file(const std::filesystem::path& dir, const char* name) {
  auto path = dir / name;
  LAP_RETURN_IF_ERROR(check_downloaded(path));
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) return path;
  const auto pickle = dir / kAdapterPickleFile;
  if (name == std::string_view(kAdapterTensorsFile) && std::filesystem::exists(pickle, ignored)) {
    return unsupported(pickle.string(), "is a pickle, which may hold programs and is not read",
                       fmt::format("save the adapter as {} (safe_serialization=True)", name));
  }
  return missing_file(path, "is missing", "give the folder of a LoRA adapter, saved by PEFT");
}

// Sorts the tensors of a file into updates and replacements.
class AdapterTensors {
 public:
  explicit AdapterTensors(Adapter& adapter)
      : adapter_(adapter), where_(adapter.file->path().string()) {}

  Status run() {
    if (adapter_.file->entries().empty()) {
      return bad_input(where_, "holds no tensors", "save the adapter again, after training");
    }
    for (const TensorEntry& entry : adapter_.file->entries()) {
      if (!is_weight_dtype(entry.type.dtype)) {
        return unsupported(where_,
                           fmt::format("tensor '{}' has dtype {}, expected bfloat16, "
                                       "float16 or float32",
                                       entry.name, name_of(entry.type.dtype)),
                           "save the adapter in one of these");
      }
      LAP_RETURN_IF_ERROR(sort(entry));
    }
    for (const auto& [module, pair] : pairs_) LAP_RETURN_IF_ERROR(add_update(module.first, pair));
    if (adapter_.replacements.empty() || adapter_.source.weight == 1) return {};
    return bad_input(adapter_.source.dir.string(),
                     fmt::format("has the weight {}, and replaces '{}' whole, which has no weight",
                                 adapter_.source.weight, adapter_.replacements.front().value->name),
                     "leave the weight out");
  }

 private:
  struct Pair {
    const TensorEntry* a = nullptr;
    const TensorEntry* b = nullptr;
    std::string trained_name;  // of the module, as patterns in adapter_config.json see it
    bool is_of_table = false;
  };

  Status sort(const TensorEntry& entry) {
    const std::string_view name = entry.name;
    for (size_t at = 0; at < name.size(); at += parts_at(name, at).part.size() + 1) {
      const NameParts parts = parts_at(name, at);
      for (const auto& [part, factor] : kFactors) {
        if (parts.part == part) return add_factor(entry, parts, factor);
      }
      for (const std::string_view part : kDoraParts) {
        if (parts.part == part) {
          return unsupported(
              where_, fmt::format("tensor '{}' is DoRA's, which is not supported", entry.name),
              "merge it with PEFT's merge_and_unload() and build the result");
        }
      }
      if (parts.part.starts_with("lora_")) return unknown(entry);
    }
    return add_replacement(entry);
  }

  Error unknown(const TensorEntry& entry) const {
    return bad_input(
        where_, fmt::format("tensor '{}' is no part of Gemma 4 or of a LoRA of it", entry.name),
        "is this an adapter of the checkpoint's model?");
  }

  Error twice(const TensorEntry& one, const TensorEntry& other) const {
    return bad_input(
        where_,
        fmt::format("tensors '{}' and '{}' are the same to the model", one.name, other.name),
        "keep one of them");
  }

  Status add_factor(const TensorEntry& entry, const NameParts& parts, Factor factor) {
    const auto module = canonical_name(parts.module);
    if (!module || !ends_factor(factor, parts.rest)) return unknown(entry);
    if (entry.type.shape.size() != 2) {
      return bad_input(where_,
                       fmt::format("tensor '{}' has shape {}, needs two dims", entry.name,
                                   tensor::to_string(entry.type.shape)),
                       "only linear layers and embeddings may have a LoRA");
    }
    const bool is_of_table = factor == Factor::kTableA || factor == Factor::kTableB;
    Pair& pair = pairs_[{*module, is_of_table}];
    pair.is_of_table = is_of_table;
    pair.trained_name = parts.module;
    if (pair.trained_name.starts_with(kPeftPrefix)) pair.trained_name.erase(0, kPeftPrefix.size());
    const bool is_a = factor == Factor::kA || factor == Factor::kTableA;
    const TensorEntry*& slot = is_a ? pair.a : pair.b;
    if (slot != nullptr) return twice(*slot, entry);
    slot = &entry;
    return {};
  }

  Status add_replacement(const TensorEntry& entry) {
    std::string name = entry.name;
    bool is_own_copy = false;
    for (size_t at = 0; at < name.size(); at += parts_at(name, at).part.size() + 1) {
      const NameParts parts = parts_at(name, at);
      if (parts.part != kOwnCopy) continue;
      std::string_view rest = parts.rest;
      if (rest.starts_with("default.")) rest.remove_prefix(rest.find('.') + 1);
      name = fmt::format("{}.{}", parts.module, rest);
      is_own_copy = true;
      break;
    }
    const size_t last = name.rfind('.');
    const auto canonical = canonical_name(name);
    if (!canonical || last == std::string::npos) return unknown(entry);
    if (adapter_.config.is_saved(std::string_view(name).substr(0, last))) is_own_copy = true;
    if (const auto [other, is_new] = replaced_.emplace(*canonical, &entry); !is_new) {
      return twice(*other->second, entry);
    }
    adapter_.replacements.push_back({*canonical, &entry, is_own_copy});
    return {};
  }

  Status add_update(const std::string& module, const Pair& pair) {
    if (pair.a == nullptr || pair.b == nullptr) {
      const TensorEntry& there = pair.a == nullptr ? *pair.b : *pair.a;
      return bad_input(
          where_,
          fmt::format("tensor '{}' has no lora_{}{} beside it", there.name,
                      pair.is_of_table ? "embedding_" : "", pair.a == nullptr ? 'A' : 'B'),
          "save or download the adapter again");
    }
    const int64_t rank = adapter_.config.rank_of(pair.trained_name);
    for (const auto& [entry, found] :
         {std::pair(pair.a, pair.a->type.shape[0]), std::pair(pair.b, pair.b->type.shape[1])}) {
      if (found == rank) continue;
      return bad_input(
          where_,
          fmt::format("tensor '{}' {} has rank {}, {} makes it {}", entry->name,
                      tensor::to_string(entry->type.shape), found, kAdapterConfigFile, rank),
          "both files must be of one training: download both again");
    }
    const double scale = adapter_.source.weight * adapter_.config.scale_of(pair.trained_name);
    if (!(std::abs(scale) <= kFloat32Range.max)) {
      return bad_input(
          where_,
          fmt::format("tensor '{}' is multiplied by {:.6g}, beyond float32", pair.a->name, scale),
          "choose a smaller weight");
    }
    adapter_.updates.push_back(
        {module, pair.a, pair.b, pair.is_of_table, static_cast<float>(scale)});
    return {};
  }

  Adapter& adapter_;
  std::string where_;
  std::map<std::pair<std::string, bool>, Pair> pairs_;  // by module, and whether it is a table
  std::map<std::string, const TensorEntry*> replaced_;
};

}  // namespace

Result<Adapter> Adapter::open(const AdapterSource& source) {
  const std::filesystem::path& dir = source.dir;
  std::error_code ignored;
  if (!std::filesystem::is_directory(dir, ignored)) {
    return bad_input(dir.string(), "is not a directory",
                     fmt::format("give the folder that holds {} and {}", kAdapterConfigFile,
                                 kAdapterTensorsFile));
  }
  if (!std::isfinite(source.weight)) {
    return bad_input(dir.string(), fmt::format("has the weight {}", source.weight),
                     "give a finite number");
  }
  Adapter out;
  out.source = source;
  LAP_ASSIGN_OR_RETURN(const auto config, adapter_file(dir, kAdapterConfigFile));
  LAP_ASSIGN_OR_RETURN(const auto tensors, adapter_file(dir, kAdapterTensorsFile));
  LAP_ASSIGN_OR_RETURN(out.config, AdapterConfig::load(config));
  LAP_ASSIGN_OR_RETURN(out.file, SafetensorsFile::open(tensors));
  LAP_RETURN_IF_ERROR(AdapterTensors(out).run());
  LAP_ASSIGN_OR_RETURN(out.content_hash, hash_of(dir, {}));
  return out;
}

std::string Adapter::name() const { return absolute_path(source.dir).filename().string(); }

Status Adapter::unchanged(const Work& work) const {
  LAP_ASSIGN_OR_RETURN(const std::string now, hash_of(source.dir, work));
  if (now == content_hash) return {};
  return io_error(source.dir.string(), "changed while it was read", "build again");
}

}  // namespace lapidary::checkpoint
