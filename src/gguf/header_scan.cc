#include "gguf/header_scan.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/utf8.h"
#include "gguf/header.h"

namespace lapidary::gguf {
namespace {

constexpr const char* kDamaged = "the file is damaged: download it again";
constexpr const char* kNoGguf = "this is no GGUF file, or it is damaged";
constexpr const char* kCutOff =
    "the download did not finish, or the file is damaged: download it again";
constexpr std::string_view kMagic = "GGUF";
constexpr std::string_view kLfsPointer = "version https://git-lfs";
// The shortest that each can be: a name of one byte and what follows it.
constexpr uint64_t kLeastKeyBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kLeastTensorBytes = 8 + 1 + 4 + 4 + 8;

class HeaderScanner {
 public:
  HeaderScanner(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes.first(std::min<size_t>(bytes.size(), kMostHeaderBytes))),
        is_cut_(bytes_.size() < bytes.size()),
        where_(where) {}

  Result<ScannedHeader> scan() {
    LAP_RETURN_IF_ERROR(read_magic());
    place_ = "header";
    uint64_t tensors = 0;
    uint64_t keys = 0;
    LAP_RETURN_IF_ERROR(read(tensors));
    LAP_RETURN_IF_ERROR(read(keys));
    LAP_RETURN_IF_ERROR(check_count(tensors, kMostTensors, kLeastTensorBytes, "tensors"));
    LAP_RETURN_IF_ERROR(check_count(keys, kMostKeys, kLeastKeyBytes, "metadata keys"));
    out_.entries.reserve(static_cast<size_t>(keys));
    for (uint64_t i = 0; i < keys; ++i) LAP_RETURN_IF_ERROR(read_entry(i));
    out_.tensors.reserve(static_cast<size_t>(tensors));
    for (uint64_t i = 0; i < tensors; ++i) LAP_RETURN_IF_ERROR(read_tensor(i));
    out_.end = at_;
    return std::move(out_);
  }

 private:
  Error error(const std::string& what, const char* remedy = kDamaged) const {
    return bad_input(where_, fmt::format("{}: {}", place_, what), remedy);
  }
  Error too_short() const {
    if (is_cut_) {
      return error(fmt::format("ends beyond the {} bytes that metadata and tensor infos may have",
                               kMostHeaderBytes),
                   kNoGguf);
    }
    return error(fmt::format("the file ends within it, at byte {}", bytes_.size()), kCutOff);
  }
  uint64_t left() const { return bytes_.size() - at_; }

  Status read_magic() {
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    if (text.starts_with(kLfsPointer)) {
      return bad_input(where_, "is a Git LFS pointer, not the file that it stands for",
                       "`git lfs pull` in its folder fetches the file");
    }
    if (!text.starts_with(kMagic)) {
      return bad_input(where_, "does not begin with 'GGUF'", kNoGguf);
    }
    at_ = kMagic.size();
    place_ = "header";
    uint32_t version = 0;
    LAP_RETURN_IF_ERROR(read(version));
    if (version == 2 || version == 3) return {};
    if (version != 0 && (version & 0xffffU) == 0) {
      return unsupported(where_, "is a big-endian GGUF file",
                         "convert the model again for little endian, or with gguf-convert-endian");
    }
    return unsupported(where_, fmt::format("is GGUF version {}, not 2 or 3", version),
                       "convert the model to GGUF again");
  }

  Status check_count(uint64_t count, uint64_t most, uint64_t least_bytes, const char* what) const {
    if (count > most) {
      return error(fmt::format("says {} {}, more than the {} that are allowed", count, what, most),
                   kNoGguf);
    }
    if (count > left() / least_bytes) {
      return error(fmt::format("says {} {}, for which {} bytes are left", count, what, left()),
                   kCutOff);
    }
    return {};
  }

  template <typename T>
  Status read(T& value) {
    if (left() < sizeof value) return too_short();
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return {};
  }

  Status skip(uint64_t bytes) {
    if (left() < bytes) return too_short();
    at_ += static_cast<size_t>(bytes);
    return {};
  }

  Status read_text(std::string_view& text) {
    uint64_t length = 0;
    LAP_RETURN_IF_ERROR(read(length));
    const size_t begin = at_;
    LAP_RETURN_IF_ERROR(skip(length));
    text = {reinterpret_cast<const char*>(bytes_.data()) + begin, static_cast<size_t>(length)};
    return {};
  }

  Status read_name(std::string_view& name) {
    uint64_t length = 0;
    LAP_RETURN_IF_ERROR(read(length));
    if (length == 0) return error("has an empty name");
    if (length > kMostNameBytes) {
      return error(fmt::format("its name has {} bytes, more than the {} that are allowed", length,
                               kMostNameBytes));
    }
    at_ -= sizeof length;
    LAP_RETURN_IF_ERROR(read_text(name));
    return valid_utf8(name) ? Status() : Status(error("its name is no valid UTF-8"));
  }

  Status read_entry(uint64_t i) {
    place_ = fmt::format("metadata key {}", i);
    Metadata::Entry entry;
    LAP_RETURN_IF_ERROR(read_name(entry.key));
    place_ = fmt::format("metadata key '{}'", entry.key);
    uint32_t type = 0;
    LAP_RETURN_IF_ERROR(read(type));
    entry.type = static_cast<ValueType>(type);
    entry.begin = at_;
    if (entry.type == ValueType::kArray) {
      uint32_t element = 0;
      LAP_RETURN_IF_ERROR(read(element));
      LAP_RETURN_IF_ERROR(read(entry.count));
      entry.element = static_cast<ValueType>(element);
      entry.begin = at_;
      LAP_RETURN_IF_ERROR(skip_values(entry.element, entry.count, 1));
    } else {
      LAP_RETURN_IF_ERROR(skip_values(entry.type, 1, 0));
    }
    out_.entries.push_back(entry);
    return {};
  }

  // So many values one after the other; `nesting` arrays are around them.
  Status skip_values(ValueType type, uint64_t count, int nesting) {
    if (nesting > kMostNesting) {
      return error(fmt::format("arrays are nested more than {} deep", kMostNesting));
    }
    if (type == ValueType::kString) {
      std::string_view text;
      for (uint64_t i = 0; i < count; ++i) LAP_RETURN_IF_ERROR(read_text(text));
      return {};
    }
    if (type == ValueType::kArray) {
      for (uint64_t i = 0; i < count; ++i) {
        uint32_t element = 0;
        uint64_t elements = 0;
        LAP_RETURN_IF_ERROR(read(element));
        LAP_RETURN_IF_ERROR(read(elements));
        LAP_RETURN_IF_ERROR(skip_values(static_cast<ValueType>(element), elements, nesting + 1));
      }
      return {};
    }
    const size_t bytes = value_bytes(type);
    if (bytes == 0) {
      return error(fmt::format("has a value of the unknown type {}", static_cast<uint32_t>(type)));
    }
    return count > left() / bytes ? Status(too_short()) : skip(count * bytes);
  }

  Status read_tensor(uint64_t i) {
    place_ = fmt::format("tensor {}", i);
    ScannedTensor info;
    LAP_RETURN_IF_ERROR(read_name(info.name));
    place_ = fmt::format("tensor '{}'", info.name);
    uint32_t dims = 0;
    LAP_RETURN_IF_ERROR(read(dims));
    if (dims > kMostDims) {
      return error(fmt::format("has {} dims, more than the {} that are allowed", dims, kMostDims));
    }
    info.dims.resize(dims);
    for (uint64_t& dim : info.dims) LAP_RETURN_IF_ERROR(read(dim));
    LAP_RETURN_IF_ERROR(read(info.type));
    LAP_RETURN_IF_ERROR(read(info.offset));
    out_.tensors.push_back(std::move(info));
    return {};
  }

  std::span<const std::byte> bytes_;
  bool is_cut_;  // the file goes on where no header may
  const std::string& where_;
  size_t at_ = 0;
  std::string place_;  // what is being read, for messages
  ScannedHeader out_;
};

}  // namespace

Result<ScannedHeader> scan_header(std::span<const std::byte> bytes, const std::string& where) {
  return HeaderScanner(bytes, where).scan();
}

}  // namespace lapidary::gguf
