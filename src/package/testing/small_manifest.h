// The smallest package that opens, for tests of what packages are put into and taken out of.
// `model` and `data` must be there: they become the decoder's graph and the listed files.
#pragma once

#include <filesystem>
#include <string>

#include "package/manifest.h"
#include "package/side_files.h"

namespace lapidary::package {

inline Manifest small_manifest(const std::filesystem::path& dir, const std::string& model,
                               const std::string& data) {
  Manifest manifest;
  manifest.text.vocab_size = 2;
  manifest.text.hidden_size = 1;
  manifest.text.max_positions = 1;
  manifest.components.emplace_back();
  manifest.components[0].name = "decoder";
  manifest.components[0].file = model;
  for (const std::string& name : {model, data}) {
    manifest.files.push_back(file_record(dir, name).value());
  }
  return manifest;
}

}  // namespace lapidary::package
