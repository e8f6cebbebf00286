#include "crash/replay.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace lapidary::crash {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSectorBytes = 512;

uint64_t number_of(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw std::runtime_error("no " + path.string());
  return status.st_ino;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool chance(Disk::Random& random) { return (random() & 1U) != 0; }
size_t below(size_t bound, Disk::Random& random) { return static_cast<size_t>(random() % bound); }

}  // namespace

std::vector<Record> read_journal(const fs::path& file) {
  const std::string bytes = bytes_of(file);
  std::vector<Record> out;
  size_t at = 0;
  const auto take = [&](size_t size) {
    if (bytes.size() - at < size) throw std::runtime_error(file.string() + " ends in a record");
    at += size;
    return bytes.substr(at - size, size);
  };
  while (at < bytes.size()) {
    RecordHead head{};
    const std::string raw = take(sizeof head);
    std::memcpy(&head, raw.data(), sizeof head);
    Record record;
    record.kind = head.kind;
    record.path = take(head.path_bytes);
    record.other = take(head.other_bytes);
    record.inode = head.inode;
    record.offset = head.offset;
    record.size = head.size;
    record.data = take(head.data_bytes);
    out.push_back(std::move(record));
  }
  return out;
}

Disk::Disk(const fs::path& root) : root_(root.string()) {
  add_inode(number_of(root), {.folder = true});
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());  // folders before what is in them
  for (const fs::path& path : paths) {
    const uint64_t number = number_of(path);
    size_t inode = 0;
    if (const auto known = numbers_.find(number); known != numbers_.end()) {
      inode = known->second;  // another name of a file
    } else if (fs::is_symlink(path)) {
      inode = add_inode(number, {.content = kLinkMark + fs::read_symlink(path).string()});
    } else if (fs::is_directory(path)) {
      inode = add_inode(number, {.folder = true});
    } else {
      inode = add_inode(number, {.content = bytes_of(path)});
    }
    add_name(inode, path.string());
  }
  for (Name& name : names_) name.on_disk = name.seen;
  pending_.clear();
}

size_t Disk::add_inode(uint64_t number, Inode inode) {
  inodes_.push_back(std::move(inode));
  return numbers_[number] = inodes_.size() - 1;  // the system gives numbers of removed files again
}

size_t Disk::inode_of(const Record& record) const {
  const auto found = numbers_.find(record.inode);
  if (found == numbers_.end()) {
    throw std::runtime_error("the journal does not say where file " + std::to_string(record.inode) +
                             " comes from " + record.path);
  }
  return found->second;
}

Disk::Place Disk::place_of(const std::string& path) const {
  Place out{0, ""};
  const fs::path relative = fs::path(path).lexically_relative(root_);
  for (auto it = relative.begin(); it != relative.end(); ++it) {
    if (it != relative.begin()) out.folder = names_[name_at(out)].inode;
    out.name = it->string();
  }
  return out;
}

size_t Disk::name_at(const Place& place) const {
  const auto found = seen_.find(place);
  if (found == seen_.end()) throw std::runtime_error("the journal lacks what made " + place.name);
  return found->second;
}

void Disk::add_name(size_t inode, const std::string& path) {
  const Place place = place_of(path);
  names_.emplace_back().inode = inode;
  change_names({{{names_.size() - 1, place}}, {place.folder}});
}

void Disk::rename(const Record& record) {
  const Place from = place_of(record.path);
  const Place to = place_of(record.other);
  if (from == to) return;
  const size_t name = name_at(from);
  NameChange change{{}, {from.folder, to.folder}};
  if (const auto there = seen_.find(to); there != seen_.end()) {
    const bool exchange = record.size == 1;
    change.moves.emplace_back(there->second, exchange ? std::optional(from) : std::nullopt);
  }
  change.moves.emplace_back(name, to);
  change_names(std::move(change));
}

void Disk::change_names(NameChange change) {
  for (const auto& [name, to] : change.moves) {
    if (names_[name].seen) seen_.erase(*names_[name].seen);
  }
  for (const auto& [name, to] : change.moves) {
    names_[name].seen = to;
    if (to) seen_[*to] = name;
  }
  pending_.push_back(std::move(change));
}

void Disk::apply(const Record& record) {
  switch (record.kind) {
    case RecordKind::kCreate:
      return add_name(add_inode(record.inode, {}), record.path);
    case RecordKind::kMkdir:
      return add_name(add_inode(record.inode, {.folder = true}), record.path);
    case RecordKind::kSymlink:
      return add_name(add_inode(record.inode, {.content = kLinkMark + record.other}), record.path);
    case RecordKind::kLink:
      return add_name(inode_of(record), record.path);
    case RecordKind::kRename:
      return rename(record);
    case RecordKind::kRemove: {
      const Place place = place_of(record.path);
      return change_names({{{name_at(place), std::nullopt}}, {place.folder}});
    }
    case RecordKind::kWrite:
      inodes_[inode_of(record)].pending.push_back(
          {record.kind, static_cast<uint64_t>(record.offset), record.data});
      return;
    case RecordKind::kTruncate:
    case RecordKind::kAllocate:
      inodes_[inode_of(record)].pending.push_back({record.kind, record.size, ""});
      return;
    case RecordKind::kSync:
      return sync(inode_of(record));
    case RecordKind::kSyncAll:
      for (size_t i = 0; i < inodes_.size(); ++i) sync(i);
      return;
    case RecordKind::kUnseen:
      break;
  }
  throw std::runtime_error("the journal cannot follow what was done to " + record.path);
}

namespace {

template <typename Change>
void apply_to(std::string& content, const Change& change, size_t bytes) {
  if (change.kind == RecordKind::kTruncate) return content.resize(change.at);
  const size_t end =
      change.kind == RecordKind::kAllocate ? change.at : static_cast<size_t>(change.at) + bytes;
  if (content.size() < end) content.resize(end);
  if (change.kind == RecordKind::kWrite) content.replace(change.at, bytes, change.data, 0, bytes);
}

}  // namespace

void Disk::sync(size_t inode) {
  Inode& synced = inodes_[inode];
  for (const Change& change : synced.pending) apply_to(synced.content, change, change.data.size());
  synced.pending.clear();
  if (!synced.folder) return;
  for (size_t i = 0; i < pending_.size(); ++i) {
    const auto& folders = pending_[i].folders;
    if (std::find(folders.begin(), folders.end(), inode) != folders.end()) settle(i);
  }
  std::erase_if(pending_, [](const NameChange& change) { return change.moves.empty(); });
}

// A pending change comes to disk; what older ones say of the same names no longer matters.
void Disk::settle(size_t index) {
  for (const auto& [name, to] : std::exchange(pending_[index].moves, {})) {
    names_[name].on_disk = to;
    for (size_t older = 0; older < index; ++older) {
      std::erase_if(pending_[older].moves, [&](const auto& move) { return move.first == name; });
    }
  }
}

Tree Disk::seen() const {
  Places places;
  for (const Name& name : names_) places.push_back(name.seen);
  Contents contents;
  for (const Inode& inode : inodes_) {
    contents.push_back(inode.content);
    for (const Change& each : inode.pending) apply_to(contents.back(), each, each.data.size());
  }
  return tree(places, contents);
}

std::vector<bool> Disk::kept_names(Loss loss, Random& random) const {
  std::vector<bool> out(pending_.size(), loss == Loss::kNothing || loss == Loss::kData);
  if (loss == Loss::kLastNames) {
    std::fill_n(out.begin(), below(out.size() + 1, random), true);
  } else if (loss == Loss::kAnyOrder) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = chance(random);
  } else if (loss == Loss::kPerFolder) {
    std::map<size_t, size_t> ends;
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = true;
      for (const size_t folder : pending_[i].folders) {
        const auto [end, unused] = ends.try_emplace(folder, below(out.size() + 1, random));
        out[i] = out[i] && i < end->second;
      }
    }
  }
  return out;
}

std::string Disk::kept_content(const Inode& inode, Loss loss, Random& random) const {
  std::string out = inode.content;
  if (loss == Loss::kAll || loss == Loss::kData) return out;
  const bool all = loss == Loss::kNothing || loss == Loss::kNames;
  const size_t kind = all ? 0 : below(4, random);  // all, none, the first ones, some
  const size_t end = kind == 2 ? below(inode.pending.size() + 1, random) : inode.pending.size();
  for (size_t i = 0; i < end && kind != 1; ++i) {
    if (kind == 3 && chance(random)) continue;
    size_t bytes = inode.pending[i].data.size();
    if (kind >= 2 && bytes > kSectorBytes && chance(random)) {
      bytes = below(bytes / kSectorBytes, random) * kSectorBytes;
    }
    apply_to(out, inode.pending[i], bytes);
  }
  return out;
}

Tree Disk::after_power_cut(Loss loss, Random& random) const {
  Places places;
  std::map<Place, size_t> taken;
  for (size_t i = 0; i < names_.size(); ++i) {
    places.push_back(names_[i].on_disk);
    if (places[i]) taken[*places[i]] = i;
  }
  const std::vector<bool> kept = kept_names(loss, random);
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (!kept[i]) continue;
    for (const auto& [name, to] : pending_[i].moves) {
      if (places[name]) taken.erase(*places[name]);
      places[name].reset();
    }
    for (const auto& [name, to] : pending_[i].moves) {
      if (!to) continue;
      if (const auto other = taken.find(*to); other != taken.end()) places[other->second].reset();
      places[name] = to;
      taken[*to] = name;
    }
  }
  Contents contents;
  for (const Inode& inode : inodes_) contents.push_back(kept_content(inode, loss, random));
  return tree(places, contents);
}

// Names in folders that have none themselves are lost.
Tree Disk::tree(const Places& places, const Contents& contents) const {
  std::multimap<size_t, size_t> children;  // names by folder
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i]) children.emplace(places[i]->folder, i);
  }
  Tree out;
  std::vector<std::pair<size_t, std::string>> open = {{0, ""}};
  while (!open.empty()) {
    const auto [folder, prefix] = open.back();
    open.pop_back();
    const auto [begin, end] = children.equal_range(folder);
    for (auto it = begin; it != end; ++it) {
      const size_t inode = names_[it->second].inode;
      const std::string path = prefix + places[it->second]->name;
      if (inodes_[inode].folder) {
        out[path + "/"] = "";
        open.emplace_back(inode, path + "/");
      } else {
        out[path] = contents[inode];
      }
    }
  }
  return out;
}

}  // namespace lapidary::crash
