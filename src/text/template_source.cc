#include "text/template_source.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lapidary::text {
namespace {

constexpr const char* kTemplateKey = "chat_template";
constexpr const char* kProcessorFile = "processor_config.json";
constexpr const char* kLegacyFile = "chat_template.json";
constexpr uint64_t kMostTemplateBytes = 16U << 20;  // jinja's own bound, 8 MB, has its own message

std::array<const char*, 4> places(const FileSet& files) {
  const bool processor = files.has(kProcessorFile) || files.has("preprocessor_config.json");
  if (processor) return {kProcessorFile, kLegacyFile, kTemplateFile, kTokenizerConfigFile};
  return {kTemplateFile, kTokenizerConfigFile, kProcessorFile, kLegacyFile};
}

// What the file has for a template; nothing where it has none.
Result<std::optional<TemplateSource>> read_place(const FileSet& files, const std::string& file) {
  std::optional<TemplateSource> out;
  if (!files.has(file)) return out;
  const std::string where = files.where(file);
  if (file == kTemplateFile) {
    LAP_ASSIGN_OR_RETURN(std::string source, files.read(file, kMostTemplateBytes));
    out = TemplateSource{file, where, std::move(source)};
    return out;
  }
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, files.document(file));
  const Json& config = document.json();
  if (!config.is_object()) return bad_input(where, "expected an object");
  const auto value = config.find(kTemplateKey);
  if (value == config.end() || value->is_null()) return out;
  out = TemplateSource{file, where + ": " + kTemplateKey, *value};
  return out;
}

}  // namespace

Result<std::optional<TemplateSource>> find_template(const FileSet& files) {
  std::optional<TemplateSource> out;
  for (const char* place : places(files)) {
    LAP_ASSIGN_OR_RETURN(auto found, read_place(files, place));
    if (!found) continue;
    if (!out) {
      out = std::move(found);
    } else if (found->value != out->value) {
      out->passed_over.push_back(found->file);
    }
  }
  return out;
}

Status replace_template(FileSet& files, const std::string& source, const std::string& where) {
  for (const std::string place : places(files)) {
    if (place == kTemplateFile) break;
    LAP_ASSIGN_OR_RETURN(const auto found, read_place(files, place));
    if (!found) continue;
    LAP_ASSIGN_OR_RETURN(const JsonDocument document, files.document(place));
    Json changed = document.json();
    changed[kTemplateKey] = source;
    files.replace(place, changed.dump(2) + "\n", where);
    return {};
  }
  files.replace(kTemplateFile, source, where);
  return {};
}

}  // namespace lapidary::text
