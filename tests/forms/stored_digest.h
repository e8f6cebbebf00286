// A name for the tensors of a form, which tools/checkpoint_forms/make.py gave to what it wrote:
// equal digests are equal tensors.
//
//   DigestPieces pieces;
//   add_piece(pieces, "a.weight BF16", shape, bytes);
//   digest_of(pieces);
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "tensor/tensor.h"

namespace lapidary::golden {

using DigestPieces = std::map<std::string, std::string>;  // what it is -> its bytes

inline void add_piece(DigestPieces& pieces, std::string what, const tensor::Shape& shape,
                      std::string bytes) {
  for (size_t i = 0; i < shape.size(); ++i) what += (i == 0 ? " " : ",") + std::to_string(shape[i]);
  pieces[shape.empty() ? what + " " : what] = std::move(bytes);
}

inline std::string digest_of(const DigestPieces& pieces) {
  ContentHash hash;
  for (const auto& [what, bytes] : pieces) {
    hash.add(what + "\n");
    hash.add(bytes);
  }
  return hash.hex();
}

}  // namespace lapidary::golden
