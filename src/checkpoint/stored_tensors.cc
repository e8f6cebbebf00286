#include "checkpoint/stored_tensors.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <system_error>
#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "base/parallel.h"
#include "checkpoint/downloaded_file.h"

namespace lapidary::checkpoint {
namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kDownloadAgain = "download the checkpoint again";

bool is_plain_shard_name(const std::string& name) {
  return name.find('/') == std::string::npos && name.find('\\') == std::string::npos &&
         name.find('\0') == std::string::npos && !name.starts_with(".") &&
         name.size() > std::string_view(".safetensors").size() && name.ends_with(".safetensors");
}

// Tensor name -> shard file name.
Result<std::map<std::string, std::string>> read_weight_map(const Json& index,
                                                           const std::string& where) {
  const auto it = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || it == index.end() || !it->is_object() || it->empty()) {
    return bad_input(where, "'weight_map' is missing or not an object of file names",
                     kDownloadAgain);
  }
  std::map<std::string, std::string> out;
  for (const auto& [name, shard] : it->items()) {
    if (!shard.is_string()) {
      return bad_input(where, fmt::format("'weight_map.{}' must be a file name", name));
    }
    if (!is_plain_shard_name(shard.get_ref<const std::string&>())) {
      return bad_input(
          where,
          fmt::format(
              "'weight_map.{}' is {}, must be the name of a .safetensors file beside the index",
              name, shard.dump().substr(0, 80)));
    }
    out[name] = shard.get<std::string>();
  }
  return out;
}

// Tools that change a tensor often leave the old sum, which transformers does not look at.
Status check_total_size(const Json& index, int64_t actual, const std::string& where,
                        std::vector<std::string>& notes) {
  const auto metadata = index.find("metadata");
  if (metadata == index.end() || metadata->is_null()) return {};
  if (!metadata->is_object()) return bad_input(where, "'metadata' must be an object");
  const auto total = metadata->find("total_size");
  if (total == metadata->end() || total->is_null()) return {};
  if (!total->is_number() || total->get<double>() != static_cast<double>(actual)) {
    notes.push_back(
        fmt::format("{}: 'metadata.total_size' is {}, the shards hold {} bytes: passed over",
                    kIndex, total->dump().substr(0, 80), actual));
  }
  return {};
}

// A part of a file: that the fingerprint covers.
struct Sample {
  size_t offset, size;
};

std::vector<Sample> samples(const TensorEntry& entry) {
  constexpr size_t kWhole = 16 << 10;
  constexpr size_t kSample = 4 << 10;
  const auto begin = static_cast<size_t>(entry.offset);
  const auto size = static_cast<size_t>(entry.type.bytes());
  if (size <= kWhole) return {{begin, size}};
  return {{begin, kSample}, {begin + size / 2, kSample}, {begin + size - kSample, kSample}};
}

// Asks for all samples at once. One after the other, and each with the megabytes around it that the
// system reads ahead, they would cost as much as the whole file.
void prefetch_samples(const TensorFile& file) {
  for (const TensorEntry& entry : file.entries()) {
    for (const Sample& sample : samples(entry)) {
      file.mapped_file().prefetch(sample.offset, sample.size);
    }
  }
}

// Read, not looked at where they are mapped: with each page that is touched there the system maps
// those around it, hundreds of megabytes of a large file.
void add_samples(const TensorFile& file, Fingerprint& print) {
  std::vector<std::byte> bytes;
  for (const TensorEntry& entry : file.entries()) {
    for (const Sample& sample : samples(entry)) {
      bytes.assign(sample.size, std::byte{0});
      // A file that got shorter is no error here: intact() says so.
      if (!file.mapped_file().read(sample.offset, bytes).ok()) bytes.clear();
      print.add(bytes);
    }
  }
}

}  // namespace

Result<StoredTensors> StoredTensors::open(const std::filesystem::path& dir) {
  StoredTensors stored;
  std::error_code ignored;
  if (std::filesystem::exists(dir / kSingle, ignored)) {
    LAP_RETURN_IF_ERROR(stored.open_single(dir / kSingle));
  } else if (std::filesystem::exists(dir / kIndex, ignored)) {
    LAP_RETURN_IF_ERROR(stored.open_sharded(dir / kIndex));
  } else {
    for (const char* name : {kSingle, kIndex}) {
      if (!unfinished_download(dir / name).empty() ||
          std::filesystem::is_symlink(dir / name, ignored)) {
        return missing_file(dir / name, "is missing", kDownloadAgain);
      }
    }
    return bad_input(dir.string(), "has neither model.safetensors nor model.safetensors.index.json",
                     "is this a Hugging Face checkpoint, downloaded whole?");
  }
  stored.build_index();
  return stored;
}

StoredTensors StoredTensors::of(std::shared_ptr<const TensorFile> file) {
  StoredTensors stored;
  stored.path_ = file->path();
  stored.files_.push_back(std::move(file));
  stored.build_index();
  return stored;
}

Status StoredTensors::open_single(const std::filesystem::path& path) {
  path_ = path;
  LAP_ASSIGN_OR_RETURN(auto file, SafetensorsFile::open(path));
  files_.push_back(std::move(file));
  return {};
}

Status StoredTensors::open_sharded(const std::filesystem::path& index) {
  path_ = index;
  LAP_RETURN_IF_ERROR(check_downloaded(index));
  LAP_ASSIGN_OR_RETURN(const Json json, load_json(index));
  LAP_ASSIGN_OR_RETURN(const auto map, read_weight_map(json, index.string()));
  std::set<std::string> shards;
  for (const auto& [name, shard] : map) shards.insert(shard);
  std::vector<std::shared_ptr<const SafetensorsFile>> files;
  for (const std::string& shard : shards) {
    const auto path = index.parent_path() / shard;
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
      return missing_file(path, fmt::format("is missing, but {} lists it", kIndex), kDownloadAgain);
    }
    LAP_ASSIGN_OR_RETURN(auto file, SafetensorsFile::open(path));
    for (const TensorEntry& entry : file->entries()) {
      const auto it = map.find(entry.name);
      if (it == map.end() || it->second != shard) {
        return bad_input(
            path.string(),
            fmt::format("holds tensor '{}', which {}{}", entry.name, kIndex,
                        it == map.end() ? " does not list" : " places in " + it->second),
            kDownloadAgain);
      }
    }
    files.push_back(std::move(file));
  }
  for (const auto& [name, shard] : map) {
    const auto at = std::distance(shards.begin(), shards.find(shard));
    if (files[static_cast<size_t>(at)]->find(name) == nullptr) {
      return bad_input(index.string(),
                       fmt::format("places tensor '{}' in {}, which does not hold it", name, shard),
                       kDownloadAgain);
    }
  }
  files_.assign(files.begin(), files.end());
  return check_total_size(json, total_bytes(), index.string(), notes_);
}

void StoredTensors::build_index() {
  for (size_t i = 0; i < files_.size(); ++i) {
    for (const TensorEntry& entry : files_[i]->entries()) places_[entry.name] = {i, &entry};
  }
  names_.reserve(places_.size());
  for (const auto& [name, unused] : places_) names_.push_back(name);
}

const StoredTensors::Place* StoredTensors::place(std::string_view name) const {
  const auto it = places_.find(name);
  return it == places_.end() ? nullptr : &it->second;
}

const TensorEntry* StoredTensors::find(std::string_view name) const {
  const Place* found = place(name);
  return found == nullptr ? nullptr : found->entry;
}

Result<tensor::Tensor> StoredTensors::tensor(const std::string& name) const {
  const Place* found = place(name);
  if (found == nullptr) {
    return bad_input(path_.string(), fmt::format("tensor '{}' is missing", name), kDownloadAgain);
  }
  return files_[found->file]->tensor(*found->entry);
}

Status StoredTensors::read(const std::string& name, int64_t offset,
                           std::span<std::byte> out) const {
  const Place& at = *place(name);
  return files_[at.file]->mapped_file().read(static_cast<size_t>(at.entry->offset + offset), out);
}

const std::filesystem::path& StoredTensors::file_of(std::string_view name) const {
  return files_[place(name)->file]->path();
}

int64_t StoredTensors::total_bytes() const {
  int64_t sum = 0;
  for (const auto& file : files_) {
    for (const TensorEntry& entry : file->entries()) sum += entry.type.bytes();
  }
  return sum;
}

std::string StoredTensors::sample_hash() const {
  Fingerprint print;
  for (const auto& file : files_) prefetch_samples(*file);
  for (const auto& file : files_) {
    print.add(file->path().filename().string());
    print.add(std::to_string(file->bytes().size()));
    print.add(file->header_bytes());
    add_samples(*file, print);
  }
  return print.hex();
}

Status StoredTensors::complete_digests(const std::vector<std::string>& names,
                                       const Work& work) const {
  const auto complete = [&](size_t i) -> Status {
    const Place& at = *place(names[i]);
    const TensorFile& file = *files_[at.file];
    return file.digest(*at.entry).complete(file.mapped_file(), at.entry->offset, work.cancel);
  };
  return parallel_for(names.size(), complete, work.threads);
}

Result<std::string> StoredTensors::content_hash(const Work& work) const {
  LAP_RETURN_IF_ERROR(complete_digests(names_, work));
  Fingerprint print;
  for (const auto& file : files_) {
    print.add(file->path().filename().string());
    print.add(file->header_bytes());
    for (const TensorEntry& entry : file->entries()) print.add(file->digest(entry).hex());
  }
  return print.hex();
}

Result<std::map<std::string, std::string>> StoredTensors::tensor_hashes(
    const std::vector<std::string>& names, const Work& work) const {
  for (const std::string& name : names) {
    if (place(name) == nullptr) {
      return bad_input(path_.string(), fmt::format("tensor '{}' is missing", name), kDownloadAgain);
    }
  }
  LAP_RETURN_IF_ERROR(complete_digests(names, work));
  std::map<std::string, std::string> out;
  for (const std::string& name : names) {
    const Place& at = *place(name);
    out[name] = files_[at.file]->digest(*at.entry).hex();
  }
  return out;
}

std::vector<std::string> StoredTensors::names_read() const {
  std::vector<std::string> out;
  for (const std::string& name : names_) {
    const Place& at = *place(name);
    if (files_[at.file]->digest(*at.entry).was_read()) out.push_back(name);
  }
  return out;
}

Status StoredTensors::intact() const {
  for (const auto& file : files_) LAP_RETURN_IF_ERROR(file->mapped_file().intact());
  return {};
}

std::vector<int64_t> StoredTensors::modification_times() const {
  std::vector<int64_t> out;
  for (const auto& file : files_) {
    std::error_code problem;
    const auto time = std::filesystem::last_write_time(file->path(), problem);
    out.push_back(
        problem ? 0
                : std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch())
                      .count());
  }
  return out;
}

}  // namespace lapidary::checkpoint
