#include "graph/onnx_tensors.h"

#include <fmt/core.h>
#include <onnx.pb.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <system_error>

#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

namespace fs = std::filesystem;
using tensor::Tensor;
using tensor::TensorType;

// 4-bit rows of an odd number of columns share bytes, so such a tensor is only had as a whole.
class Whole final : public tensor::Producer {
 public:
  Whole(TensorType type, std::vector<std::byte> bytes)
      : Producer({std::move(type)}, 1),
        literal_(tensor::literal(outputs()[0], bytes)),
        bytes_(std::move(bytes)) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    if (begin < end) std::memcpy(outs[0].data(), bytes_.data(), bytes_.size());
    return {};
  }
  std::string describe() const override { return literal_.describe(); }

 private:
  Tensor literal_;
  std::vector<std::byte> bytes_;
};

bool rows_share_bytes(const TensorType& type) {
  return bits_of(type.dtype) == 4 && type.cols() % 2 != 0 && type.rows() > 1;
}

Tensor in_memory(TensorType type, std::vector<std::byte> bytes) {
  if (!rows_share_bytes(type)) return tensor::literal(std::move(type), std::move(bytes));
  return Tensor(std::make_shared<Whole>(std::move(type), std::move(bytes)));
}

// Values in the typed fields of TensorProto, which small tensors of other writers use.
std::vector<std::byte> typed_data(const onnx::TensorProto& proto, DType dtype) {
  std::vector<std::byte> bytes;
  const auto append = [&](const auto& value, size_t size) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + size);  // little-endian: the low bytes come first
  };
  const auto width = static_cast<size_t>(std::max(1, bits_of(dtype) / 8));
  for (const float value : proto.float_data()) append(value, sizeof(value));
  for (const double value : proto.double_data()) append(value, sizeof(value));
  for (const int64_t value : proto.int64_data()) append(value, sizeof(value));
  for (const uint64_t value : proto.uint64_data()) append(value, width);
  for (const int32_t value : proto.int32_data()) append(value, std::min(width, sizeof(value)));
  return bytes;
}

constexpr const char* kKeepTogether = "put the data into the model's folder, as a file";

bool is_below(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

// Hugging Face's cache keeps REPOSITORY/blobs/HASH, and in REPOSITORY/snapshots/REVISION links to
// them by name: the model file is such a link, and so is its data.
bool is_blob_beside(const fs::path& file, const fs::path& folder) {
  for (fs::path above = folder; above.has_relative_path(); above = above.parent_path()) {
    if (above.filename() == "snapshots") return file.parent_path() == above.parent_path() / "blobs";
  }
  return false;
}

// Whether links lead from `folder` out of it to what `relative` names. What cannot be opened leads
// nowhere.
bool leads_out(const fs::path& folder, const fs::path& relative) {
  std::error_code code;
  const fs::path real_folder = fs::canonical(folder, code);
  if (code) return false;
  const fs::path file = fs::canonical(folder / relative, code);
  if (code) return false;
  return !is_below(file, real_folder) && !is_blob_beside(file, real_folder);
}

}  // namespace

fs::path TensorReader::folder() const {
  const fs::path parent = model_.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

Result<TensorType> TensorReader::read_type(const onnx::TensorProto& proto) const {
  TensorType type;
  type.dtype = static_cast<DType>(proto.data_type());
  if (bits_of(type.dtype) == 0) {
    std::string name = std::to_string(proto.data_type());
    if (onnx::TensorProto::DataType_IsValid(proto.data_type())) {
      name = onnx::TensorProto::DataType_Name(
          static_cast<onnx::TensorProto::DataType>(proto.data_type()));
    }
    return unsupported(
        model_.string(),
        fmt::format("tensor '{}' has element type {}, which is not supported", proto.name(), name));
  }
  int64_t count = 1;
  for (const int64_t dim : proto.dims()) {
    if (dim < 0 || (dim > 0 && count > std::numeric_limits<int64_t>::max() / 16 / dim)) {
      return bad_input(model_.string(),
                       fmt::format("tensor '{}' has an impossible shape", proto.name()));
    }
    count *= dim;
    type.shape.push_back(dim);
  }
  return type;
}

Result<Tensor> TensorReader::read(const onnx::TensorProto& proto) {
  LAP_ASSIGN_OR_RETURN(TensorType type, read_type(proto));
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    return read_external(proto, std::move(type));
  }
  std::vector<std::byte> bytes;
  if (proto.has_raw_data()) {
    const std::string& raw = proto.raw_data();
    const auto* data = reinterpret_cast<const std::byte*>(raw.data());
    bytes.assign(data, data + raw.size());
  } else {
    bytes = typed_data(proto, type.dtype);
  }
  if (static_cast<int64_t>(bytes.size()) != type.bytes()) {
    return bad_input(model_.string(), fmt::format("tensor '{}' holds {} bytes, its shape needs {}",
                                                  proto.name(), bytes.size(), type.bytes()));
  }
  return in_memory(std::move(type), std::move(bytes));
}

Result<Tensor> TensorReader::read_external(const onnx::TensorProto& proto, TensorType type) {
  std::string location;
  int64_t offset = 0;
  int64_t length = type.bytes();
  for (const auto& entry : proto.external_data()) {
    const std::string& text = entry.value();
    if (entry.key() == "location") location = text;
    int64_t* number = entry.key() == "offset"   ? &offset
                      : entry.key() == "length" ? &length
                                                : nullptr;
    if (number == nullptr) continue;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *number);
    if (code != std::errc() || end != text.data() + text.size() || *number < 0) {
      return bad_input(model_.string(),
                       fmt::format("tensor '{}' has {} '{}'", proto.name(), entry.key(), text));
    }
  }
  const fs::path relative = fs::path(location).lexically_normal();
  if (location.empty() || relative.is_absolute() || *relative.begin() == "..") {
    return bad_input(model_.string(),
                     fmt::format("tensor '{}' points to '{}', outside the model's folder",
                                 proto.name(), location),
                     kKeepTogether);
  }
  if (leads_out(folder(), relative)) {
    return bad_input(model_.string(),
                     fmt::format("tensor '{}' points to '{}', by a link outside the model's folder",
                                 proto.name(), location),
                     kKeepTogether);
  }
  auto& file = files_[relative.string()];
  if (file == nullptr) {
    LAP_ASSIGN_OR_RETURN(file, MappedFile::open(model_.parent_path() / relative));
  }
  const auto available = static_cast<int64_t>(file->bytes().size());
  if (length != type.bytes() || offset > available || length > available - offset) {
    return bad_input(file->path().string(),
                     fmt::format("is too short for tensor '{}' ({} + {} of {} bytes)", proto.name(),
                                 offset, type.bytes(), available),
                     "build or download the package again");
  }
  if (rows_share_bytes(type)) {
    std::vector<std::byte> bytes(static_cast<size_t>(length));
    LAP_RETURN_IF_ERROR(file->read(static_cast<size_t>(offset), bytes));
    return in_memory(std::move(type), std::move(bytes));
  }
  return tensor::from_file(file, offset, std::move(type), proto.name());
}

std::vector<fs::path> TensorReader::files() const {
  std::vector<fs::path> out;
  for (const auto& [name, file] : files_) {
    if (file != nullptr) out.push_back(file->path());
  }
  return out;
}

}  // namespace lapidary::graph
