// What stands in a GGUF file before the bytes of its tensors, checked whole before anything is
// believed. Versions 2 and 3, little endian:
//
//     "GGUF", uint32 version, uint64 tensors, uint64 keys
//     a key:     string, uint32 type of its value, the value
//     a tensor:  string, uint32 dims, that many uint64, uint32 ggml type, uint64 offset
//     zeros up to a multiple of general.alignment (32 unless that key says otherwise)
//     the tensors' bytes, each at a multiple of the alignment from here
//
// A string is uint64 bytes and so many bytes; an array is uint32 type of its elements, uint64
// elements and the elements. The first dim is the one whose values lie side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/block_formats.h"
#include "gguf/metadata.h"
#include "tensor/tensor.h"

namespace lapidary::gguf {

inline constexpr uint64_t kMostTensors = 65536;
inline constexpr uint64_t kMostKeys = 65536;
inline constexpr uint64_t kMostNameBytes = 64 << 10;  // of a key or a tensor's name
inline constexpr uint64_t kMostDims = 4;
inline constexpr uint64_t kMostHeaderBytes = 256 << 20;  // of all that is no tensor's bytes
inline constexpr int kMostNesting = 8;                   // arrays in arrays
inline constexpr int64_t kMostAlignment = 1 << 20;

struct TensorInfo {
  std::string name;
  // Row-major, so the file's dims in reverse: [rows, cols] of a matrix.
  tensor::Shape shape;
  const BlockFormat* format = nullptr;  // never null in a Header
  int64_t offset = 0;                   // of the first byte, from the file's beginning

  int64_t cols() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const { return cols() == 0 ? 0 : tensor::element_count(shape) / cols(); }
  int64_t row_bytes() const { return cols() / format->elements * format->block_bytes; }
  int64_t bytes() const { return rows() * row_bytes(); }
};

struct Header {
  Metadata metadata;
  std::vector<TensorInfo> tensors;  // in the file's order
  int64_t alignment = 32;
  int64_t data_begin = 0;  // what offsets in the file count from
};

// How many of a file's first bytes parse_header needs; `begin` is the file, or more of its
// beginning than that. Errors: those of the file's structure, as listed at parse_header.
Result<size_t> header_bytes(std::span<const std::byte> begin, const std::string& where);

// `bytes`: header_bytes() of a file of `file_bytes`; `where` names it in messages. Takes the bytes,
// and memory for at most twice as many and 64 MiB besides.
// Errors (kBadInput unless noted):
// - a Git LFS pointer in place of the file; no "GGUF" at its beginning; a version other than 2 and
//   3 or (kUnsupported) big endian;
// - more tensors, keys, dims, nesting, bytes of a name or of all this than the bounds above;
// - the file ends within it; a value's type that is none; names and keys that are empty, no UTF-8
//   or there twice;
// - (kUnsupported) one of several files of a split model: split.count;
// - an alignment that is no power of two up to kMostAlignment;
// - of a tensor: a type that is unknown or (kUnsupported) not read here, such as IQ4_NL or MXFP4;
//   rows that are no whole number of blocks; dims whose product overflows; an offset off the
//   alignment; bytes outside the file, which is then half a download; bytes of another tensor.
// Bytes that no tensor has are allowed.
Result<Header> parse_header(std::vector<std::byte> bytes, uint64_t file_bytes,
                            const std::string& where);

}  // namespace lapidary::gguf
