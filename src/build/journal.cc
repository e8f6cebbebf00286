#include "build/journal.h"

#include "base/files.h"
#include "base/json.h"
#include "package/measured.h"

namespace lapidary::build {
namespace {

// Of a component's own file. A journal that names others is damaged: they are hashed and kept.
bool is_below(const std::string& path, const std::string& component) {
  const std::filesystem::path plain = std::filesystem::path(path).lexically_normal();
  return plain == path && *plain.begin() == component && plain != component;
}

}  // namespace

Journal Journal::read(const std::filesystem::path& staging) {
  Journal out;
  const auto document = JsonDocument::load(staging / kJournalFile);
  if (!document.ok()) return out;
  JsonReader root = document->root();
  JsonReader components = root.child("components");
  for (const auto& [name, unused] : components.json().items()) {
    JsonReader entry = components.child(name);
    FinishedComponent finished;
    finished.key = entry.string("key");
    JsonReader files = entry.child("files");
    for (const auto& [path, unused_file] : files.json().items()) {
      if (!is_below(path, name)) return Journal{};
      JsonReader file = files.child(path);
      finished.files.push_back(
          {path, static_cast<uint64_t>(file.integer("size", {.min = 0})), file.string("xxh3")});
    }
    if (auto section = entry.optional_child("calibration")) {
      finished.calibration = package::read_calibration(*section);
    }
    if (auto section = entry.optional_child("agreement")) {
      finished.agreement = package::read_agreement(*section);
    }
    out.components[name] = std::move(finished);
  }
  JsonReader sources = root.child("sources");
  for (const auto& [tensor, unused] : sources.json().items()) {
    out.sources[tensor] = sources.string(tensor);
  }
  return document->finish().ok() ? out : Journal{};
}

Status Journal::write(const std::filesystem::path& staging) const {
  Json components_json = Json::object();
  for (const auto& [name, component] : components) {
    Json files = Json::object();
    for (const package::FileRecord& file : component.files) {
      files[file.path] = {{"size", file.size}, {"xxh3", file.xxh3}};
    }
    Json entry = {{"key", component.key}, {"files", std::move(files)}};
    if (component.calibration) entry["calibration"] = package::to_json(*component.calibration);
    if (component.agreement) entry["agreement"] = package::to_json(*component.agreement);
    components_json[name] = std::move(entry);
  }
  const Json json = {{"components", std::move(components_json)}, {"sources", sources}};
  return replace_file(staging / kJournalFile, json.dump(2) + "\n");
}

}  // namespace lapidary::build
