// Small files by name: those of a folder, read when someone asks, or texts that stand for files.
//
//   FileSet files = std::filesystem::path("models/tiny-gemma4/checkpoint");
//   if (files.has("config.json")) {
//     LAP_ASSIGN_OR_RETURN(std::string text, files.read("config.json"));
//     use(text, files.where("config.json"));  // ".../checkpoint/config.json"
//   }
//
// What reads a checkpoint's side files takes one, and need not know that a GGUF file has them all
// in its metadata.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace lapidary {

class FileSet {
 public:
  FileSet() = default;
  // Files of the folder, which need not be there. NOLINTNEXTLINE(google-explicit-constructor)
  FileSet(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // `origin` is what the texts were made of: the file that messages name.
  FileSet(std::string origin, std::map<std::string, std::string> texts)
      : origin_(std::move(origin)), texts_(std::move(texts)) {}

  // From now on `text` stands for the file, whether it is there or not; `where` is what messages
  // name. The folder is left alone.
  void replace(const std::string& name, std::string text, std::string where);
  bool replaced(const std::string& name) const { return replaced_.contains(name); }

  bool has(const std::string& name) const;
  // What messages about the file name: its path, or "model.gguf: tokenizer.json".
  std::string where(const std::string& name) const;
  uint64_t size(const std::string& name) const;  // 0: it is not there

  // Errors: read_file's; kBadInput when there is no such text.
  Result<std::string> read(const std::string& name, uint64_t max_bytes = kMostJsonBytes) const;
  // Errors besides: it is no JSON.
  Result<JsonDocument> document(const std::string& name) const;
  // Shows `use` all bytes, whatever their number, where they lie. Errors besides: those of `use`.
  Status with_bytes(const std::string& name,
                    const std::function<Status(std::string_view)>& use) const;
  // Writes it to a new file, flushed to disk.
  Status copy(const std::string& name, const std::filesystem::path& to) const;

  // What messages about the whole name: the folder, or the file that the texts were made of.
  std::string origin() const { return folder_.empty() ? origin_ : folder_.string(); }
  // Empty where texts stand for files.
  const std::filesystem::path& folder() const { return folder_; }

 private:
  Error missing(const std::string& name) const;
  // Of what stands for a file; null: nothing does, and the folder has it if there is one.
  const std::string* text(const std::string& name) const;

  std::filesystem::path folder_;
  std::string origin_;
  std::map<std::string, std::string> texts_;
  std::map<std::string, std::string> replaced_;  // name -> where, of texts that were given later
};

}  // namespace lapidary
