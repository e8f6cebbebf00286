#include "eval/media_set.h"

#include <fmt/core.h>

#include <limits>
#include <memory>
#include <optional>

#include "base/json.h"

namespace lapidary::eval {
namespace {

class SetReader {
 public:
  SetReader(const std::filesystem::path& path, const Json& json)
      : path_(path), root_(&json, "", error_, path.string()) {}

  Result<std::vector<MediaQuestion>> read() {
    add("images", encoders::MediaKind::kImage);
    add("audio", encoders::MediaKind::kAudio);
    root_.ignore({"note"});
    root_.reject_unknown();
    LAP_RETURN_IF_ERROR(root_.status());
    if (questions_.empty()) {
      return bad_input(path_.string(), "holds no question", "list them in 'images' or 'audio'");
    }
    return std::move(questions_);
  }

 private:
  void add(const std::string& key, encoders::MediaKind kind) {
    const Json& list = root_.raw(key);
    if (list.is_null()) return;
    if (!list.is_array()) return root_.fail(key, "must be an array of objects");
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string place = fmt::format("{}[{}]", key, i);
      if (!list[i].is_object()) return root_.fail(place, "must be an object");
      questions_.push_back(question(JsonReader(&list[i], place, error_, path_.string()), kind));
    }
  }

  MediaQuestion question(JsonReader entry, encoders::MediaKind kind) {
    MediaQuestion out;
    out.file = entry.string("file");
    out.item = {kind, path_.parent_path() / out.file};
    out.question = entry.string("question");
    out.reference = entry.string("reference");
    const IntegerRange token = {.min = 0, .max = std::numeric_limits<int32_t>::max()};
    for (const int64_t id : entry.integers("output_ids", token)) {
      out.recorded.push_back(static_cast<int32_t>(id));
    }
    entry.ignore({"output_text"});
    entry.reject_unknown();
    if (out.file.empty()) entry.fail("file", "is empty");
    return out;
  }

  const std::filesystem::path& path_;
  std::shared_ptr<std::optional<Error>> error_ = std::make_shared<std::optional<Error>>();
  JsonReader root_;
  std::vector<MediaQuestion> questions_;
};

}  // namespace

Result<std::vector<MediaQuestion>> load_media_set(const std::filesystem::path& json) {
  LAP_ASSIGN_OR_RETURN(const Json document, load_json(json));
  if (!document.is_object()) return bad_input(json.string(), "must hold a JSON object");
  return SetReader(json, document).read();
}

}  // namespace lapidary::eval
