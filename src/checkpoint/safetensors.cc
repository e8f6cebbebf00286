#include "checkpoint/safetensors.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/json.h"
#include "base/json_scanner.h"
#include "checkpoint/downloaded_file.h"
#include "tensor/expressions.h"

namespace lapidary::checkpoint {
namespace {

constexpr uint64_t kLengthBytes = 8;
// A header takes about 100 bytes for a tensor; models of a terabyte have 100 000 tensors, in many
// files. The reference implementation stops at 100 MB.
constexpr uint64_t kMostHeaderBytes = 16U << 20;
constexpr uint64_t kMostEntryBytes = 64U << 10;    // of a tensor: three short fields
constexpr uint64_t kMostMetadataBytes = 4U << 20;  // training tools write their settings there
constexpr const char* kDamaged = "the file is damaged: download it again";
constexpr const char* kNotWhole =
    "the file is shorter than its header says: finish the download, or download it again";

struct NamedDType {
  std::string_view name;
  DType dtype;
};
constexpr std::array kDTypes = {
    NamedDType{"BF16", DType::kBfloat16}, NamedDType{"F16", DType::kFloat16},
    NamedDType{"F32", DType::kFloat},     NamedDType{"F64", DType::kDouble},
    NamedDType{"BOOL", DType::kBool},     NamedDType{"I8", DType::kInt8},
    NamedDType{"U8", DType::kUint8},      NamedDType{"I16", DType::kInt16},
    NamedDType{"U16", DType::kUint16},    NamedDType{"I32", DType::kInt32},
    NamedDType{"U32", DType::kUint32},    NamedDType{"I64", DType::kInt64},
    NamedDType{"U64", DType::kUint64}};
// Defined by the format, without a counterpart here.
constexpr std::array<std::string_view, 10> kUnsupportedDTypes = {
    "F4",      "F6_E2M3",     "F6_E3M2",     "F8_E5M2", "F8_E4M3",
    "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64",     "F8_E4M3FN"};

// The entry under test, for messages.
struct Place {
  const std::string& where;
  const std::string& name;

  Error error(const std::string& what) const {
    return bad_input(where, fmt::format("tensor '{}': {}", name, what), kDamaged);
  }
};

Result<DType> parse_dtype(const Json& value, const Place& place) {
  if (!value.is_string()) return place.error("dtype must be a string");
  const auto& text = value.get_ref<const std::string&>();
  for (const NamedDType& candidate : kDTypes) {
    if (candidate.name == text) return candidate.dtype;
  }
  for (const std::string_view name : kUnsupportedDTypes) {
    if (name == text) {
      return unsupported(place.where,
                         fmt::format("tensor '{}': dtype {} is not supported", place.name, text),
                         "use a checkpoint with BF16, F16 or F32 weights");
    }
  }
  return place.error(fmt::format("dtype '{}' is unknown", text.substr(0, 40)));
}

// A JSON integer in [0, 2^63).
std::optional<int64_t> whole_number(const Json& value) {
  const auto number = integer_of(value);
  return number && *number >= 0 ? number : std::nullopt;
}

Result<tensor::Shape> parse_shape(const Json& value, const Place& place) {
  if (!value.is_array()) return place.error("shape must be an array");
  tensor::Shape shape;
  shape.reserve(value.size());
  for (const Json& item : value) {
    const auto dim = whole_number(item);
    if (!dim) {
      return place.error(
          fmt::format("shape holds {}, not an integer >= 0", item.dump().substr(0, 40)));
    }
    shape.push_back(*dim);
  }
  return shape;
}

// Bytes of the tensor, or nothing when the product overflows, also in bits (bytes_of counts those).
// A zero dim does not excuse the others: element_count multiplies them all.
std::optional<int64_t> checked_bytes(const tensor::Shape& shape, DType dtype) {
  int64_t bytes = bits_of(dtype) / 8;
  int64_t nonzero = bits_of(dtype);
  for (const int64_t dim : shape) {
    if (__builtin_mul_overflow(nonzero, std::max<int64_t>(dim, 1), &nonzero)) return std::nullopt;
    bytes *= dim;
  }
  return bytes;
}

struct Parsed {
  TensorEntry entry;
  int64_t begin;
  int64_t end;
};

Result<Parsed> parse_entry(const std::string& name, const Json& value, int64_t data_size,
                           const std::string& where) {
  const Place place{where, name};
  if (!value.is_object()) return place.error("must be an object with dtype, shape, data_offsets");
  const Json* fields[3] = {};
  constexpr std::array<const char*, 3> kNames = {"dtype", "shape", "data_offsets"};
  for (const auto& [key, field] : value.items()) {
    const auto* it = std::find(kNames.begin(), kNames.end(), key);
    if (it == kNames.end()) {
      return place.error(fmt::format("key '{}' is unknown", key.substr(0, 40)));
    }
    fields[it - kNames.begin()] = &field;
  }
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (fields[i] == nullptr) return place.error(std::string(kNames[i]) + " is missing");
  }
  Parsed parsed;
  parsed.entry.name = name;
  LAP_ASSIGN_OR_RETURN(parsed.entry.type.dtype, parse_dtype(*fields[0], place));
  LAP_ASSIGN_OR_RETURN(parsed.entry.type.shape, parse_shape(*fields[1], place));
  const Json& offsets = *fields[2];
  if (!offsets.is_array() || offsets.size() != 2) {
    return place.error("data_offsets must be [begin, end]");
  }
  const auto begin = whole_number(offsets[0]);
  const auto end = whole_number(offsets[1]);
  if (!begin || !end) {
    return place.error(fmt::format("data_offsets {} must be integers >= 0 below 2^63",
                                   offsets.dump().substr(0, 60)));
  }
  const std::string range = fmt::format("[{}, {}]", *begin, *end);
  if (*begin > *end) return place.error(fmt::format("data_offsets {} are reversed", range));
  if (*end > data_size) {
    return bad_input(where,
                     fmt::format("tensor '{}': data_offsets {} reach beyond the {} bytes of data",
                                 name, range, data_size),
                     kNotWhole);
  }
  const auto bytes = checked_bytes(parsed.entry.type.shape, parsed.entry.type.dtype);
  if (!bytes) {
    return place.error(
        fmt::format("shape {} overflows", tensor::to_string(parsed.entry.type.shape)));
  }
  if (*bytes != *end - *begin) {
    return place.error(fmt::format("data_offsets {} hold {} bytes, dtype and shape need {}", range,
                                   *end - *begin, *bytes));
  }
  parsed.begin = *begin;
  parsed.end = *end;
  return parsed;
}

Result<std::map<std::string, std::string>> parse_metadata(const Json& value,
                                                          const std::string& where) {
  if (!value.is_object()) {
    return bad_input(where, "__metadata__ must be an object of strings", kDamaged);
  }
  std::map<std::string, std::string> out;
  for (const auto& [key, item] : value.items()) {
    if (!item.is_string()) {
      return bad_input(where, fmt::format("__metadata__: '{}' must be a string", key.substr(0, 60)),
                       kDamaged);
    }
    out[key] = item.get<std::string>();
  }
  return out;
}

// Sorts by position and insists that the tensors cover the data exactly.
Status check_layout(std::vector<Parsed>& tensors, int64_t data_size, const std::string& where) {
  std::sort(tensors.begin(), tensors.end(), [](const Parsed& a, const Parsed& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  int64_t at = 0;
  for (const Parsed& t : tensors) {
    if (t.begin != at) {
      const bool overlap = t.begin < at;
      return Place{where, t.entry.name}.error(
          fmt::format("data_offsets begin at {}, the tensor before ends at {}{}", t.begin, at,
                      overlap ? ": they overlap" : ": there is a hole"));
    }
    at = t.end;
  }
  if (at != data_size) {
    return bad_input(where, fmt::format("{} bytes follow the last tensor", data_size - at),
                     kDamaged);
  }
  return {};
}

Result<uint64_t> header_length(std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.size() < kLengthBytes) {
    return bad_input(where,
                     fmt::format("is {} bytes, too short for a safetensors header", bytes.size()),
                     kDamaged);
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  }
  if (length > kMostHeaderBytes) {
    return bad_input(
        where,
        fmt::format("header: its length says {} bytes, more than the {} that are allowed", length,
                    kMostHeaderBytes),
        "this is no safetensors file, or it is damaged");
  }
  if (length > bytes.size() - kLengthBytes) {
    return bad_input(where,
                     fmt::format("header: its length says {} bytes, the file has {} left", length,
                                 bytes.size() - kLengthBytes),
                     kNotWhole);
  }
  return length;
}

// Reads the header entry by entry: documents of one tensor at a time are small, however many
// tensors there are.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, int64_t data_size, const std::string& where)
      : text_(text), data_size_(data_size), where_(where), header_(where + ": header") {}

  Result<std::vector<Parsed>> read() {
    LAP_RETURN_IF_ERROR(find_entries());
    for (const Entry& entry : entries_) LAP_RETURN_IF_ERROR(read_entry(entry));
    return std::move(tensors_);
  }
  std::map<std::string, std::string> take_metadata() { return std::move(metadata_); }

 private:
  // Views into the text, or into what the scanner unescaped.
  struct Entry {
    std::string_view name;
    std::string_view value;
  };

  Status find_entries() {
    std::unordered_set<std::string_view> names;
    scanner_.enter('{');
    for (std::string_view name; scanner_.next_key(name);) {
      if (!names.insert(name).second) {
        return bad_input(header_, fmt::format("key '{}' appears twice in one object", name));
      }
      scanner_.peek();
      const size_t begin = scanner_.position();
      scanner_.skip();
      entries_.push_back({name, text_.substr(begin, scanner_.position() - begin)});
    }
    scanner_.finish();
    return scanner_.ok() ? Status() : bad_input(header_, scanner_.problem());
  }

  Status read_entry(const Entry& entry) {
    const bool is_metadata = entry.name == "__metadata__";
    LAP_ASSIGN_OR_RETURN(const Json json,
                         parse_json(entry.value, fmt::format("{}: '{}'", header_, entry.name),
                                    is_metadata ? kMostMetadataBytes : kMostEntryBytes));
    if (is_metadata) {
      LAP_ASSIGN_OR_RETURN(metadata_, parse_metadata(json, header_));
      return {};
    }
    LAP_ASSIGN_OR_RETURN(Parsed parsed,
                         parse_entry(std::string(entry.name), json, data_size_, where_));
    tensors_.push_back(std::move(parsed));
    return {};
  }

  std::string_view text_;
  int64_t data_size_;
  const std::string& where_;
  std::string header_;
  JsonScanner scanner_{text_};
  std::vector<Entry> entries_;
  std::vector<Parsed> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace

Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> bytes,
                                                   const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const uint64_t length, header_length(bytes, where));
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length};
  if (!text.starts_with('{')) {
    return bad_input(where, "header: does not start with '{'",
                     "this is no safetensors file, or it is damaged");
  }
  SafetensorsHeader header;
  header.data_begin = static_cast<int64_t>(kLengthBytes + length);
  const int64_t data_size = static_cast<int64_t>(bytes.size()) - header.data_begin;
  HeaderReader reader(text, data_size, where);
  LAP_ASSIGN_OR_RETURN(std::vector<Parsed> tensors, reader.read());
  header.metadata = reader.take_metadata();
  LAP_RETURN_IF_ERROR(check_layout(tensors, data_size, where));
  header.entries.reserve(tensors.size());
  for (Parsed& t : tensors) {
    t.entry.offset = header.data_begin + t.begin;
    header.entries.push_back(std::move(t.entry));
  }
  return header;
}

SafetensorsFile::SafetensorsFile(std::shared_ptr<const MappedFile> file, SafetensorsHeader header)
    : file_(std::move(file)), header_(std::move(header)) {
  index_.reserve(header_.entries.size());
  digests_.reserve(header_.entries.size());
  for (size_t i = 0; i < header_.entries.size(); ++i) {
    index_.emplace(header_.entries[i].name, i);
    digests_.push_back(std::make_shared<tensor::TensorDigest>(header_.entries[i].type));
  }
}

Result<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::open(
    const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
  LAP_RETURN_IF_ERROR(check_downloaded(path));
  auto header = parse_safetensors_header(file->bytes(), path.string());
  LAP_RETURN_IF_ERROR(file->intact());
  if (!header.ok()) {
    Error error = header.take_error();
    if (const std::string rest = unfinished_download(path); !rest.empty()) {
      error.remedy = fmt::format("'{}' lies beside it: finish the download", rest);
    }
    return error;
  }
  return std::shared_ptr<const SafetensorsFile>(
      new SafetensorsFile(std::move(file), std::move(header).value()));
}

std::span<const std::byte> SafetensorsFile::header_bytes() const {
  return bytes().first(static_cast<size_t>(header_.data_begin));
}

const TensorEntry* SafetensorsFile::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &header_.entries[it->second];
}

tensor::Tensor SafetensorsFile::tensor(const TensorEntry& entry) const {
  return tensor::from_file(file_, entry.offset, entry.type, entry.name,
                           digests_[index_.at(entry.name)]);
}

tensor::TensorDigest& SafetensorsFile::digest(const TensorEntry& entry) const {
  return *digests_[index_.at(entry.name)];
}

}  // namespace lapidary::checkpoint
