// A model of a file system that loses power: what a program did to a folder, by the journal of shim.cc,
// and which states of the folder may be found afterwards.
//
//   Disk disk(root);                       // before the program runs: all of it is on disk
//   for (const Record& record : read_journal(file)) disk.apply(record);
//   const Tree found = disk.after_power_cut(Loss::kAnyOrder, random);
//
// The rules are what POSIX and the file systems promise, and no more. Synced files have the bytes and the
// size they had when synced, synced folders the names. Of what came later, each change may be on disk
// or not: of names, in the order made within one folder (Loss says), a rename always whole; of bytes, in
// any order, a write also in part, and zeros where a size came to disk without bytes. Syncing a file
// does not keep its name. ext4, xfs and btrfs keep more of it than this.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "crash/record.h"
#include "crash/tree.h"

namespace lapidary::crash {

struct Record {
  RecordKind kind = RecordKind::kUnseen;
  std::string path, other;
  uint64_t inode = 0;
  int64_t offset = 0;
  uint64_t size = 0;
  std::string data;
};

// Throws std::runtime_error when it is damaged.
std::vector<Record> read_journal(const std::filesystem::path& file);

// What becomes of changes that no sync has reached.
enum class Loss {
  kAll,        // all lost
  kNothing,    // none lost
  kData,       // names are there, bytes are not: empty files
  kNames,      // the opposite
  kLastNames,  // names changed before some moment are there; bytes as they come
  kPerFolder,  // the same, with a moment for each folder
  kAnyOrder,   // names as they come, too
};
inline constexpr int kLosses = 7;
inline constexpr int kCertainLosses = 4;  // the first ones: they leave nothing to chance

class Disk {
 public:
  using Random = std::mt19937_64;

  explicit Disk(const std::filesystem::path& root);
  // Throws std::runtime_error on a record that cannot be: the journal is not complete.
  void apply(const Record& record);
  // What a program sees now.
  Tree seen() const;
  // What may be found when the power goes now.
  Tree after_power_cut(Loss loss, Random& random) const;

 private:
  struct Change {  // of a file's content
    RecordKind kind;
    uint64_t at;  // offset, or size
    std::string data;
  };
  struct Inode {
    bool folder = false;
    std::string content = {};  // on disk
    std::vector<Change> pending = {};
  };
  struct Place {
    size_t folder;
    std::string name;
    auto operator<=>(const Place&) const = default;
  };
  // A name keeps its identity when it moves.
  struct Name {
    size_t inode = 0;
    std::optional<Place> seen, on_disk;
  };
  struct NameChange {
    std::vector<std::pair<size_t, std::optional<Place>>> moves;  // name, to where
    std::vector<size_t> folders;
  };
  using Places = std::vector<std::optional<Place>>;  // of each name
  using Contents = std::vector<std::string>;         // of each inode

  size_t add_inode(uint64_t number, Inode inode);
  size_t inode_of(const Record& record) const;
  Place place_of(const std::string& path) const;
  size_t name_at(const Place& place) const;
  void add_name(size_t inode, const std::string& path);
  void rename(const Record& record);
  void change_names(NameChange change);
  void sync(size_t inode);
  void settle(size_t index);
  std::vector<bool> kept_names(Loss loss, Random& random) const;
  std::string kept_content(const Inode& inode, Loss loss, Random& random) const;
  Tree tree(const Places& places, const Contents& contents) const;

  std::string root_;
  std::vector<Inode> inodes_;           // the root first
  std::map<uint64_t, size_t> numbers_;  // the system's, of inodes_
  std::vector<Name> names_;
  std::map<Place, size_t> seen_;  // names by place
  std::vector<NameChange> pending_;
};

}  // namespace lapidary::crash
