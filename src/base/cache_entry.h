// One entry of a cache (cache_folder.h): written beside its place and renamed into it, read under a
// lock, renamed away before it is deleted.
//
//   LAP_ASSIGN_OR_RETURN(EntryWriter writer, EntryWriter::begin(folder, id));
//   LAP_RETURN_IF_ERROR(writer.add_text("text", text));
//   LAP_RETURN_IF_ERROR(writer.commit());
//
// `folder` is that of a kind, open; it must outlive readers and writers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cache_files.h"
#include "base/json.h"
#include "base/result.h"
#include "base/work.h"

namespace lapidary::cache_files {

struct EntryId {
  std::string kind;
  std::string key;
  std::filesystem::path path;  // for messages
};

// 32 lower-case hex digits.
bool is_key(std::string_view name);
// What a killed write or removal left, or goes on to make; and the verdicts that
// earlier versions kept, files KEY.json.
bool is_leftover(std::string_view name);
// A folder of the user's with an entry's name and a list in it. Nothing when it cannot be looked at.
std::optional<bool> is_entry(const FileHandle& folder, const std::string& name);

class EntryReader {
 public:
  // Locks the entry. Nothing when there is none. Errors: kCancelled.
  static Result<std::optional<EntryReader>> open(const FileHandle& folder, const EntryId& id,
                                                 const Work& work);

  // Why the entry is not as it was stored; "": no fault was found so far.
  const std::string& fault() const { return fault_; }
  // Copies all files, and flushes them. Finds faults in passing, and ends at the first.
  // Errors: kIo about `to`; kCancelled.
  Status copy_to(const std::filesystem::path& to, const Work& work);
  // A file of at most 1 MiB; "" with a fault.
  std::string text(const std::string& file);
  // As of now it is the entry used last.
  void note_use() const;

 private:
  explicit EntryReader(FileHandle entry) : entry_(std::move(entry)) {}
  void read_list(const EntryId& id);
  // Whether the list says the same of the file.
  void compare(const std::string& file, const FileSum& sum);
  Status copy_file(const std::string& file, const std::filesystem::path& to, const Work& work);

  FileHandle entry_;
  Json files_ = Json::object();
  std::string fault_;
};

class EntryWriter {
 public:
  // Errors: kIo.
  static Result<EntryWriter> begin(const FileHandle& folder, EntryId id);
  EntryWriter(EntryWriter&& other) noexcept;
  EntryWriter& operator=(EntryWriter&&) = delete;
  EntryWriter(const EntryWriter&) = delete;
  EntryWriter& operator=(const EntryWriter&) = delete;
  // Removes what was not committed.
  ~EntryWriter();

  // Errors: kIo; kCancelled.
  Status add_file(const std::string& name, const std::filesystem::path& from, const Work& work);
  Status add_text(const std::string& name, std::string_view text);
  // An entry that is there already stays, or goes with `replace`. Errors: kIo.
  Status commit(bool replace = false);

 private:
  EntryWriter(const FileHandle& folder, EntryId id, std::string name, FileHandle entry)
      : folder_(&folder), id_(std::move(id)), name_(std::move(name)), entry_(std::move(entry)) {}
  Status write_list();

  const FileHandle* folder_;
  EntryId id_;
  std::string name_;  // until it is whole; "": committed
  FileHandle entry_;
  Json files_ = Json::object();
};

enum class Removal {
  kGone,  // now, or before
  kBusy,  // read or written by somebody
  kStays  // the system refused
};
// An entry, a leftover, or whatever stands in an entry's place.
Removal remove_entry(const FileHandle& folder, const std::string& name);
// Whether somebody reads or writes it.
bool is_busy(const FileHandle& folder, const std::string& name);

}  // namespace lapidary::cache_files
