#include "text/template_source.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "base/input_file.h"

namespace lapidary::text {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTemplateKey = "chat_template";
constexpr const char* kProcessorFile = "processor_config.json";
constexpr const char* kLegacyFile = "chat_template.json";
constexpr uint64_t kMostTemplateBytes = 16U << 20;  // jinja's own bound, 8 MB, has its own message

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::array<const char*, 4> places(const fs::path& dir) {
  const bool processor =
      is_there(dir / kProcessorFile) || is_there(dir / "preprocessor_config.json");
  if (processor) return {kProcessorFile, kLegacyFile, kTemplateFile, kTokenizerConfigFile};
  return {kTemplateFile, kTokenizerConfigFile, kProcessorFile, kLegacyFile};
}

// What the file has for a template; nothing where it has none.
Result<std::optional<TemplateSource>> read_place(const fs::path& dir, const std::string& file) {
  const fs::path path = dir / file;
  std::optional<TemplateSource> out;
  if (!is_there(path)) return out;
  if (file == kTemplateFile) {
    LAP_ASSIGN_OR_RETURN(std::string source, read_file(path, kMostTemplateBytes));
    out = TemplateSource{file, path.string(), std::move(source)};
    return out;
  }
  LAP_ASSIGN_OR_RETURN(const Json config, load_json(path));
  if (!config.is_object()) return bad_input(path.string(), "expected an object");
  const auto value = config.find(kTemplateKey);
  if (value == config.end() || value->is_null()) return out;
  out = TemplateSource{file, path.string() + ": " + kTemplateKey, *value};
  return out;
}

}  // namespace

Result<std::optional<TemplateSource>> find_template(const fs::path& dir) {
  std::optional<TemplateSource> out;
  for (const char* place : places(dir)) {
    LAP_ASSIGN_OR_RETURN(auto found, read_place(dir, place));
    if (!found) continue;
    if (!out) {
      out = std::move(found);
    } else if (found->value != out->value) {
      out->passed_over.push_back(found->file);
    }
  }
  return out;
}

}  // namespace lapidary::text
