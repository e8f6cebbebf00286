#include "htp/tensor_files.h"

#include <fmt/core.h>

#include <cstring>
#include <fstream>

#include "base/files.h"
#include "base/json.h"

namespace lapidary::htp {
namespace {

std::filesystem::path with(const std::filesystem::path& stem, const char* extension) {
  return stem.string() + extension;
}

// Bytes that the tensor takes, or an error where that is more than `left`.
Result<size_t> byte_size(const ort::HostTensor& tensor, size_t left, const std::string& where) {
  size_t bytes = element_bytes(tensor.type);
  for (const int64_t dim : tensor.shape) {
    if (dim < 0) {
      return bad_input(where, fmt::format("tensor '{}' has a negative dim", tensor.name));
    }
    const auto factor = static_cast<size_t>(dim);
    if (factor != 0 && bytes > left / factor) {
      return bad_input(where, fmt::format("tensor '{}' is longer than its file", tensor.name));
    }
    bytes *= factor;
  }
  if (bytes > left) {
    return bad_input(where, fmt::format("tensor '{}' is longer than its file", tensor.name));
  }
  return bytes;
}

}  // namespace

Status write_tensors(const std::filesystem::path& stem, std::span<const ort::HostTensor> tensors) {
  Json list = Json::array();
  for (const ort::HostTensor& tensor : tensors) {
    list.push_back(
        Json{{"name", tensor.name}, {"dtype", name_of(tensor.type)}, {"shape", tensor.shape}});
  }
  const std::filesystem::path values = with(stem, ".bin");
  std::ofstream stream(values, std::ios::binary);
  for (const ort::HostTensor& tensor : tensors) {
    std::vector<char> bytes(tensor.data.size());
    if (!bytes.empty()) std::memcpy(bytes.data(), tensor.data.data(), bytes.size());
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  stream.close();
  if (!stream) return io_error(values.string(), "cannot write tensors", "is the disk full?");
  return write_file(with(stem, ".json"), Json{{"tensors", std::move(list)}}.dump());
}

Result<std::vector<ort::HostTensor>> read_tensors(const std::filesystem::path& stem) {
  const std::filesystem::path list = with(stem, ".json");
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::load(list));
  JsonReader root = document.root();
  const Json& entries = root.raw("tensors");
  if (!entries.is_array()) return bad_input(list.string(), "lists no tensors");

  std::ifstream stream(with(stem, ".bin"), std::ios::binary | std::ios::ate);
  if (!stream) return io_error(with(stem, ".bin").string(), "cannot open the file");
  auto left = static_cast<size_t>(stream.tellg());
  stream.seekg(0);
  std::vector<ort::HostTensor> tensors;
  for (const Json& entry : entries) {
    LAP_ASSIGN_OR_RETURN(const JsonDocument one, JsonDocument::parse(entry.dump(), list.string()));
    JsonReader reader = one.root();
    ort::HostTensor tensor{reader.string("name"), {}, reader.integers("shape"), {}};
    const std::string dtype = reader.string("dtype");
    LAP_RETURN_IF_ERROR(one.finish());
    const auto type = ort::element_type(dtype);
    if (!type) return bad_input(list.string(), fmt::format("unknown dtype '{}'", dtype));
    tensor.type = *type;
    LAP_ASSIGN_OR_RETURN(const size_t bytes, byte_size(tensor, left, list.string()));
    left -= bytes;
    std::vector<char> raw(bytes);
    stream.read(raw.data(), static_cast<std::streamsize>(bytes));
    tensor.data.resize(bytes);
    if (bytes > 0) std::memcpy(tensor.data.data(), raw.data(), bytes);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace lapidary::htp
