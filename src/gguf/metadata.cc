#include "gguf/metadata.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "base/utf8.h"

namespace lapidary::gguf {
namespace {

struct ValueTypeTraits {
  ValueType type;
  const char* name;
  size_t bytes;
  bool is_integer;
};
constexpr std::array kValueTypes = {
    ValueTypeTraits{ValueType::kUint8, "uint8", 1, true},
    ValueTypeTraits{ValueType::kInt8, "int8", 1, true},
    ValueTypeTraits{ValueType::kUint16, "uint16", 2, true},
    ValueTypeTraits{ValueType::kInt16, "int16", 2, true},
    ValueTypeTraits{ValueType::kUint32, "uint32", 4, true},
    ValueTypeTraits{ValueType::kInt32, "int32", 4, true},
    ValueTypeTraits{ValueType::kFloat32, "float32", 4, false},
    ValueTypeTraits{ValueType::kBool, "bool", 1, false},
    ValueTypeTraits{ValueType::kString, "string", 0, false},
    ValueTypeTraits{ValueType::kArray, "array", 0, false},
    ValueTypeTraits{ValueType::kUint64, "uint64", 8, true},
    ValueTypeTraits{ValueType::kInt64, "int64", 8, true},
    ValueTypeTraits{ValueType::kFloat64, "float64", 8, false},
};

const ValueTypeTraits* traits_of(ValueType type) {
  const auto* const it =
      std::find_if(kValueTypes.begin(), kValueTypes.end(),
                   [&](const ValueTypeTraits& each) { return each.type == type; });
  return it == kValueTypes.end() ? nullptr : &*it;
}

const char* type_name(ValueType type) {
  const ValueTypeTraits* const traits = traits_of(type);
  return traits == nullptr ? "unknown" : traits->name;
}

std::string described(const Metadata::Entry& entry) {
  if (entry.type != ValueType::kArray) return type_name(entry.type);
  return fmt::format("array of {}", type_name(entry.element));
}

template <typename T>
T load(const std::byte* from) {
  T value{};
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Nothing for a uint64 of 2^63 or more.
std::optional<int64_t> integer_at(const std::byte* from, ValueType type) {
  switch (type) {
    case ValueType::kUint8:
      return load<uint8_t>(from);
    case ValueType::kInt8:
      return load<int8_t>(from);
    case ValueType::kUint16:
      return load<uint16_t>(from);
    case ValueType::kInt16:
      return load<int16_t>(from);
    case ValueType::kUint32:
      return load<uint32_t>(from);
    case ValueType::kInt32:
      return load<int32_t>(from);
    case ValueType::kInt64:
      return load<int64_t>(from);
    case ValueType::kUint64: {
      const auto value = load<uint64_t>(from);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

bool in_range(const std::optional<int64_t>& value, int64_t min, int64_t max) {
  return value && *value >= min && *value <= max;
}

std::string out_of_range(const std::byte* from, ValueType type, int64_t min, int64_t max) {
  const auto value = integer_at(from, type);
  const std::string text =
      value ? std::to_string(*value) : std::to_string(load<uint64_t>(from));  // of 2^63 or more
  return fmt::format("{}, expected {} to {}", text, min, max);
}

std::string_view text_at(const std::byte* length_field) {
  const auto length = static_cast<size_t>(load<uint64_t>(length_field));
  return {reinterpret_cast<const char*>(length_field) + sizeof(uint64_t), length};
}

bool is_string_type(ValueType type) { return type == ValueType::kString; }
bool is_float32_type(ValueType type) { return type == ValueType::kFloat32; }
bool is_bool_type(ValueType type) { return type == ValueType::kBool; }

}  // namespace

size_t value_bytes(ValueType type) {
  const ValueTypeTraits* const traits = traits_of(type);
  return traits == nullptr ? 0 : traits->bytes;
}

bool is_integer_type(ValueType type) {
  const ValueTypeTraits* const traits = traits_of(type);
  return traits != nullptr && traits->is_integer;
}

std::string_view StringArray::operator[](size_t i) const {
  return text_at(bytes_->data() + begins_[i]);
}

Metadata::Metadata(std::string where, std::shared_ptr<const std::vector<std::byte>> bytes,
                   std::vector<Entry> entries)
    : where_(std::move(where)),
      bytes_(std::move(bytes)),
      entries_(std::move(entries)),
      by_key_(entries_.size()) {
  std::iota(by_key_.begin(), by_key_.end(), 0U);
  std::sort(by_key_.begin(), by_key_.end(),
            [&](uint32_t a, uint32_t b) { return entries_[a].key < entries_[b].key; });
}

const Metadata::Entry* Metadata::find(std::string_view key) const {
  const auto it =
      std::lower_bound(by_key_.begin(), by_key_.end(), key,
                       [&](uint32_t i, std::string_view k) { return entries_[i].key < k; });
  if (it == by_key_.end() || entries_[*it].key != key) return nullptr;
  return &entries_[*it];
}

Error Metadata::error(std::string_view key, const std::string& what) const {
  return bad_input(where_, fmt::format("metadata key '{}' {}", key, what),
                   "convert the model to GGUF again");
}

Result<const Metadata::Entry*> Metadata::entry(std::string_view key) const {
  const Entry* const found = find(key);
  if (found == nullptr) return error(key, "is missing");
  return found;
}

Result<std::string> Metadata::string(std::string_view key) const {
  LAP_ASSIGN_OR_RETURN(const Entry* found, entry(key));
  if (found->type != ValueType::kString) {
    return error(key, fmt::format("is of type {}, expected string", described(*found)));
  }
  const std::string_view text = text_at(bytes_->data() + found->begin);
  if (!valid_utf8(text)) return error(key, "is no valid UTF-8");
  return std::string(text);
}

Result<int64_t> Metadata::integer(std::string_view key, int64_t min, int64_t max) const {
  LAP_ASSIGN_OR_RETURN(const Entry* found, entry(key));
  if (!is_integer_type(found->type)) {
    return error(key, fmt::format("is of type {}, expected an integer", described(*found)));
  }
  const std::byte* const from = bytes_->data() + found->begin;
  const auto value = integer_at(from, found->type);
  if (!in_range(value, min, max)) {
    return error(key, "is " + out_of_range(from, found->type, min, max));
  }
  return *value;
}

Result<double> Metadata::number(std::string_view key) const {
  LAP_ASSIGN_OR_RETURN(const Entry* found, entry(key));
  const std::byte* const from = bytes_->data() + found->begin;
  if (found->type == ValueType::kFloat32) return static_cast<double>(load<float>(from));
  if (found->type == ValueType::kFloat64) return load<double>(from);
  return error(key, fmt::format("is of type {}, expected a float", described(*found)));
}

Result<bool> Metadata::boolean(std::string_view key) const {
  LAP_ASSIGN_OR_RETURN(const Entry* found, entry(key));
  if (found->type != ValueType::kBool) {
    return error(key, fmt::format("is of type {}, expected bool", described(*found)));
  }
  return (*bytes_)[found->begin] != std::byte{0};
}

Result<const Metadata::Entry*> Metadata::array(std::string_view key, std::string_view expected,
                                               bool (*is_expected)(ValueType)) const {
  LAP_ASSIGN_OR_RETURN(const Entry* found, entry(key));
  // An empty array may have been written with any type.
  const bool fits = found->count == 0 || is_expected(found->element);
  if (found->type != ValueType::kArray || !fits) {
    return error(
        key, fmt::format("is of type {}, expected an array of {}", described(*found), expected));
  }
  if (!is_string_type(found->element) && found->count > uint64_t{kMostArrayValues}) {
    return error(key, fmt::format("holds {} values, more than the {} that are allowed",
                                  found->count, kMostArrayValues));
  }
  return found;
}

Result<StringArray> Metadata::strings(std::string_view key) const {
  LAP_ASSIGN_OR_RETURN(const Entry* found, array(key, "strings", is_string_type));
  StringArray out;
  out.bytes_ = bytes_;
  out.begins_.reserve(static_cast<size_t>(found->count));
  size_t at = found->begin;
  for (uint64_t i = 0; i < found->count; ++i) {
    out.begins_.push_back(static_cast<uint32_t>(at));
    at += sizeof(uint64_t) + text_at(bytes_->data() + at).size();
  }
  return out;
}

Result<std::vector<int64_t>> Metadata::integers(std::string_view key, int64_t min,
                                                int64_t max) const {
  LAP_ASSIGN_OR_RETURN(const Entry* found, array(key, "integers", is_integer_type));
  std::vector<int64_t> out;
  out.reserve(static_cast<size_t>(found->count));
  const std::byte* from = bytes_->data() + found->begin;
  for (uint64_t i = 0; i < found->count; ++i, from += value_bytes(found->element)) {
    const auto value = integer_at(from, found->element);
    if (!in_range(value, min, max)) {
      return error(key,
                   fmt::format("holds at {} {}", i, out_of_range(from, found->element, min, max)));
    }
    out.push_back(*value);
  }
  return out;
}

Result<std::vector<float>> Metadata::floats(std::string_view key) const {
  LAP_ASSIGN_OR_RETURN(const Entry* found, array(key, "float32", is_float32_type));
  std::vector<float> out(static_cast<size_t>(found->count));
  if (!out.empty()) {
    std::memcpy(out.data(), bytes_->data() + found->begin, out.size() * sizeof(float));
  }
  return out;
}

Result<std::vector<bool>> Metadata::booleans(std::string_view key) const {
  LAP_ASSIGN_OR_RETURN(const Entry* found, array(key, "bools", is_bool_type));
  std::vector<bool> out(static_cast<size_t>(found->count));
  for (size_t i = 0; i < out.size(); ++i) out[i] = (*bytes_)[found->begin + i] != std::byte{0};
  return out;
}

}  // namespace lapidary::gguf
