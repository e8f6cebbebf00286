#include "forms/gguf_file.h"

#include <fstream>
#include <utility>

#include "checkpoint/tiny_gguf.h"
#include "forms/ggml_blocks.h"
#include "forms/packed_weights.h"
#include "forms/stored_digest.h"

namespace lapidary::golden {
namespace {

using checkpoint::TestTensors;
using checkpoint::TinyGguf;
using gguf::GgmlType;

constexpr GgmlType kPackedTypes[] = {
    GgmlType::kF32,  GgmlType::kF16,  GgmlType::kBF16, GgmlType::kQ8_0, GgmlType::kQ4_0,
    GgmlType::kQ4_1, GgmlType::kQ5_0, GgmlType::kQ5_1, GgmlType::kQ2_K, GgmlType::kQ3_K,
    GgmlType::kQ4_K, GgmlType::kQ5_K, GgmlType::kQ6_K};

// What quantizers take where rows are not whole blocks of a K type.
GgmlType instead_of(GgmlType type) {
  switch (type) {
    case GgmlType::kQ4_K:
      return GgmlType::kQ5_0;
    case GgmlType::kQ5_K:
      return GgmlType::kQ5_1;
    case GgmlType::kQ6_K:
      return GgmlType::kQ8_0;
    default:
      return GgmlType::kQ4_0;
  }
}

GgmlType type_of(const tensor::Shape& shape, GgmlType wanted) {
  if (shape.size() < 2) return GgmlType::kF32;
  const bool whole = shape[1] % gguf::block_format(wanted)->elements == 0;
  return whole ? wanted : instead_of(wanted);
}

}  // namespace

std::string write_gguf(const std::string& name, const std::filesystem::path& path) {
  GgmlType wanted = GgmlType::kF32;
  for (const GgmlType type : kPackedTypes) {
    if (name == "gguf_" + std::string(gguf::name_of(type))) wanted = type;
  }
  const TinyGguf file = TinyGguf::whole([&](const TestTensors::Stored& stored) {
    const GgmlType type = type_of(stored.shape, wanted);
    return std::pair(type, ggml_blocks(type, floats_of(stored)));
  });
  std::ofstream(path, std::ios::binary) << file.bytes();
  DigestPieces pieces;
  for (const TinyGguf::Written& each : file.written) {
    add_piece(pieces, each.name + " " + std::to_string(static_cast<uint32_t>(each.type)),
              each.shape, each.bytes);
  }
  return digest_of(pieces);
}

}  // namespace lapidary::golden
