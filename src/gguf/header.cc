#include "gguf/header.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "gguf/header_scan.h"

namespace lapidary::gguf {
namespace {

constexpr const char* kDamagedHeader = "the file is damaged: download it again";
constexpr int64_t kDefaultAlignment = 32;
constexpr std::string_view kAlignmentKey = "general.alignment";

// What is said of one tensor.
Error tensor_error(const std::string& where, std::string_view name, const std::string& what) {
  return bad_input(where, fmt::format("tensor '{}': {}", name, what), kDamagedHeader);
}

// The first name of several that is there twice, or nothing.
template <typename Named, typename NameOf>
std::optional<std::string_view> repeated_name(const std::vector<Named>& all, NameOf name_of_one) {
  std::vector<std::string_view> names;
  names.reserve(all.size());
  for (const Named& each : all) names.push_back(name_of_one(each));
  std::sort(names.begin(), names.end());
  const auto it = std::adjacent_find(names.begin(), names.end());
  return it == names.end() ? std::nullopt : std::optional(*it);
}

Status check_names(const ScannedHeader& scanned, const std::string& where) {
  const auto key =
      repeated_name(scanned.entries, [](const Metadata::Entry& each) { return each.key; });
  if (key) {
    return bad_input(where, fmt::format("metadata key '{}' is there twice", *key), kDamagedHeader);
  }
  const auto name =
      repeated_name(scanned.tensors, [](const ScannedTensor& each) { return each.name; });
  return name ? Status(tensor_error(where, *name, "is there twice")) : Status();
}

// Files of a split model have parts of its tensors, and all but the first no metadata besides.
Status check_is_whole_model(const Metadata& metadata, const std::string& where) {
  if (!metadata.has("split.count")) return {};
  LAP_ASSIGN_OR_RETURN(const int64_t count, metadata.integer("split.count", 0, 65535));
  if (count <= 1) return {};
  int64_t number = 0;
  if (metadata.has("split.no")) {
    LAP_ASSIGN_OR_RETURN(number, metadata.integer("split.no", 0, 65535));
  }
  return unsupported(where, fmt::format("is file {} of the {} of a split model", number + 1, count),
                     "join them: `llama-gguf-split --merge FIRST.gguf WHOLE.gguf`");
}

Result<int64_t> alignment_of(const Metadata& metadata, const std::string& where) {
  if (!metadata.has(kAlignmentKey)) return kDefaultAlignment;
  LAP_ASSIGN_OR_RETURN(const int64_t alignment, metadata.integer(kAlignmentKey, 1, kMostAlignment));
  if ((alignment & (alignment - 1)) != 0) {
    return bad_input(
        where, fmt::format("metadata key '{}' is {}, not a power of two", kAlignmentKey, alignment),
        kDamagedHeader);
  }
  return alignment;
}

Result<const BlockFormat*> format_of(const ScannedTensor& scanned, const std::string& where) {
  const auto type = static_cast<GgmlType>(scanned.type);
  if (const BlockFormat* const format = block_format(type)) return format;
  const std::string_view name = name_of(type);
  if (name.empty()) {
    return tensor_error(where, scanned.name, fmt::format("ggml type {} is unknown", scanned.type));
  }
  return unsupported(
      where, fmt::format("tensor '{}': type {} is not supported", scanned.name, name),
      "use a file with F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 or Q2_K to Q6_K weights");
}

// Whether the number of values fits an int64, also as bits of any type here or of what is made of
// it (bytes_of counts bits). A zero dim does not excuse the others: element_count multiplies them
// all.
bool fits(const TensorInfo& info) {
  int64_t nonzero = std::max<int64_t>(64, info.format->block_bytes);
  for (const int64_t dim : info.shape) {
    if (__builtin_mul_overflow(nonzero, std::max<int64_t>(dim, 1), &nonzero)) return false;
  }
  return true;
}

// With the offset still counted from data_begin.
Result<TensorInfo> checked_info(const ScannedTensor& scanned, int64_t alignment,
                                const std::string& where) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  TensorInfo info;
  info.name = scanned.name;
  LAP_ASSIGN_OR_RETURN(info.format, format_of(scanned, where));
  info.shape.reserve(scanned.dims.size());
  for (auto dim = scanned.dims.rbegin(); dim != scanned.dims.rend(); ++dim) {
    if (*dim > kMost) return tensor_error(where, info.name, fmt::format("dim {} overflows", *dim));
    info.shape.push_back(static_cast<int64_t>(*dim));
  }
  if (!fits(info)) {
    return tensor_error(where, info.name,
                        fmt::format("shape {} overflows", tensor::to_string(info.shape)));
  }
  if (info.cols() % info.format->elements != 0) {
    return tensor_error(where, info.name,
                        fmt::format("rows have {} values, no multiple of the {} of a block of {}",
                                    info.cols(), info.format->elements, info.format->name));
  }
  if (scanned.offset > kMost || scanned.offset % static_cast<uint64_t>(alignment) != 0) {
    return tensor_error(
        where, info.name,
        fmt::format("offset {} is no multiple of the alignment {}", scanned.offset, alignment));
  }
  info.offset = static_cast<int64_t>(scanned.offset);
  return info;
}

// Adds data_begin to the offsets; all bytes must be in the file.
Status place_tensors(Header& header, uint64_t file_bytes, const std::string& where) {
  const TensorInfo* last = nullptr;
  int64_t last_end = 0;
  for (TensorInfo& info : header.tensors) {
    int64_t end = 0;
    if (__builtin_add_overflow(info.offset, header.data_begin, &info.offset) ||
        __builtin_add_overflow(info.offset, info.bytes(), &end)) {
      return tensor_error(where, info.name, "its offset overflows");
    }
    if (last == nullptr || end > last_end) {
      last = &info;
      last_end = end;
    }
  }
  if (last == nullptr || static_cast<uint64_t>(last_end) <= file_bytes) return {};
  return bad_input(
      where,
      fmt::format("is {} bytes, but tensor '{}' ends at byte {}", file_bytes, last->name, last_end),
      "the download did not finish, or the file is damaged: download it again");
}

Status check_overlaps(const std::vector<TensorInfo>& tensors, const std::string& where) {
  std::vector<const TensorInfo*> ordered;
  ordered.reserve(tensors.size());
  for (const TensorInfo& info : tensors) {
    if (info.bytes() > 0) ordered.push_back(&info);
  }
  std::sort(ordered.begin(), ordered.end(),
            [](const TensorInfo* a, const TensorInfo* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < ordered.size(); ++i) {
    const TensorInfo& before = *ordered[i - 1];
    if (before.offset + before.bytes() <= ordered[i]->offset) continue;
    return tensor_error(
        where, ordered[i]->name,
        fmt::format("begins at byte {}, tensor '{}' ends at {}: they overlap", ordered[i]->offset,
                    before.name, before.offset + before.bytes()));
  }
  return {};
}

}  // namespace

Result<size_t> header_bytes(std::span<const std::byte> begin, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const ScannedHeader scanned, scan_header(begin, where));
  return scanned.end;
}

Result<Header> parse_header(std::vector<std::byte> bytes, uint64_t file_bytes,
                            const std::string& where) {
  const auto held = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  LAP_ASSIGN_OR_RETURN(ScannedHeader scanned, scan_header(*held, where));
  LAP_RETURN_IF_ERROR(check_names(scanned, where));
  Header header;
  header.metadata = Metadata(where, held, std::move(scanned.entries));
  LAP_RETURN_IF_ERROR(check_is_whole_model(header.metadata, where));
  LAP_ASSIGN_OR_RETURN(header.alignment, alignment_of(header.metadata, where));
  const auto end = static_cast<int64_t>(scanned.end);
  header.data_begin = (end + header.alignment - 1) / header.alignment * header.alignment;
  header.tensors.reserve(scanned.tensors.size());
  for (const ScannedTensor& each : scanned.tensors) {
    LAP_ASSIGN_OR_RETURN(TensorInfo info, checked_info(each, header.alignment, where));
    header.tensors.push_back(std::move(info));
  }
  LAP_RETURN_IF_ERROR(place_tensors(header, file_bytes, where));
  LAP_RETURN_IF_ERROR(check_overlaps(header.tensors, where));
  return header;
}

}  // namespace lapidary::gguf
