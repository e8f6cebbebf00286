// The keys and values before the tensors of a GGUF file: the model's config and tokenizer.
//
//   const Metadata& metadata = file->metadata();
//   LAP_ASSIGN_OR_RETURN(std::string arch, metadata.string("general.architecture"));
//   LAP_ASSIGN_OR_RETURN(int64_t layers, metadata.integer(arch + ".block_count", 1, 1024));
//   LAP_ASSIGN_OR_RETURN(StringArray tokens, metadata.strings("tokenizer.ggml.tokens"));
//   use(layers, tokens[2]);  // a view: nothing was copied
//
// All bytes are held, once, and texts are views of them: an array of 262144 tokens costs 4 bytes a
// token. Getters' errors (kBadInput) name the file and the key: it is missing, has a value of
// another type, a number outside of what was asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lapidary::gguf {

enum class ValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

// Of an array of integers or floats that a getter copies out: 128 MiB as int64.
inline constexpr int64_t kMostArrayValues = 16 << 20;

// Texts one after the other as the file has them. Holds what it views.
class StringArray {
 public:
  size_t size() const { return begins_.size(); }
  // May be any bytes. `i` < size(); lives as long as this or the metadata.
  std::string_view operator[](size_t i) const;

 private:
  friend class Metadata;
  std::shared_ptr<const std::vector<std::byte>> bytes_;
  std::vector<uint32_t> begins_;  // of each text's length field, in bytes_
};

class Metadata {
 public:
  // Where a value lies in the bytes. Of an array `element` is its elements' type, `count` their
  // number, and `begin` where the first begins; of any other value `begin` is where it begins.
  struct Entry {
    std::string_view key;
    ValueType type = ValueType::kUint8;
    ValueType element = ValueType::kUint8;
    uint64_t count = 1;
    size_t begin = 0;
  };

  Metadata() = default;
  // `entries` have different keys, view `bytes`, and were checked to lie in them (header.cc).
  Metadata(std::string where, std::shared_ptr<const std::vector<std::byte>> bytes,
           std::vector<Entry> entries);

  const std::vector<Entry>& entries() const { return entries_; }  // in the file's order
  const Entry* find(std::string_view key) const;                  // null: no such key
  bool has(std::string_view key) const { return find(key) != nullptr; }

  // Valid UTF-8, or else an error.
  Result<std::string> string(std::string_view key) const;
  // A value of any integer type in [min, max].
  Result<int64_t> integer(std::string_view key, int64_t min, int64_t max) const;
  // A value of either float type, which may be infinite or NaN.
  Result<double> number(std::string_view key) const;
  Result<bool> boolean(std::string_view key) const;

  Result<StringArray> strings(std::string_view key) const;
  // An array of any integer type, all values in [min, max]; at most kMostArrayValues.
  Result<std::vector<int64_t>> integers(std::string_view key, int64_t min, int64_t max) const;
  // An array of float32; at most kMostArrayValues.
  Result<std::vector<float>> floats(std::string_view key) const;
  // An array of bools; at most kMostArrayValues.
  Result<std::vector<bool>> booleans(std::string_view key) const;

 private:
  Error error(std::string_view key, const std::string& what) const;
  Result<const Entry*> entry(std::string_view key) const;
  Result<const Entry*> array(std::string_view key, std::string_view expected,
                             bool (*is_expected)(ValueType)) const;

  std::string where_;
  std::shared_ptr<const std::vector<std::byte>> bytes_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> by_key_;  // indices of entries_, in the order of their keys
};

// Bytes that a value of a type takes; 0 for texts and arrays, which say so themselves, and for
// numbers that are no type.
size_t value_bytes(ValueType type);
bool is_integer_type(ValueType type);

}  // namespace lapidary::gguf
