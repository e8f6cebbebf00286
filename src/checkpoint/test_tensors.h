// For tests: the tensors of a checkpoint in memory, to be renamed, dropped, changed and written.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/test_files.h"

namespace lapidary::checkpoint {

class TestTensors {
 public:
  struct Stored {
    std::string dtype;  // as in the file
    tensor::Shape shape;
    std::string bytes;
  };

  static TestTensors tiny() {
    TestTensors out;
    const std::string file = read_file(tiny_checkpoint() / "model.safetensors");
    const auto opened = SafetensorsFile::open(tiny_checkpoint() / "model.safetensors").value();
    for (const TensorEntry& entry : opened->entries()) {
      const char* dtype = entry.type.dtype == DType::kFloat ? "F32" : "BF16";
      out.all[entry.name] = {
          dtype, entry.type.shape,
          file.substr(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.type.bytes()))};
    }
    return out;
  }

  void rename(const std::function<std::string(const std::string&)>& new_name) {
    std::map<std::string, Stored> renamed;
    for (auto& [name, stored] : all) renamed[new_name(name)] = std::move(stored);
    all = std::move(renamed);
  }

  std::string file() const {
    Json header = Json::object();
    std::string data;
    for (const auto& [name, stored] : all) {
      const size_t end = data.size() + stored.bytes.size();
      header[name] = {
          {"dtype", stored.dtype}, {"shape", stored.shape}, {"data_offsets", {data.size(), end}}};
      data += stored.bytes;
    }
    return safetensors_bytes(header.dump(), data);
  }

  // `dir` must be empty.
  void write_checkpoint(const TempDir& dir) const {
    link_tiny_checkpoint(dir);
    replace(dir, "model.safetensors", file());
  }

  std::map<std::string, Stored> all;
};

}  // namespace lapidary::checkpoint
