#include "gguf/file.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "tensor/expressions.h"

namespace lapidary::gguf {
namespace {

tensor::TensorType stored_type(const TensorInfo& info) {
  if (!info.format->is_packed()) return {info.format->plain, info.shape};
  return {DType::kUint8, {info.rows(), info.row_bytes()}};
}

}  // namespace

Result<std::shared_ptr<const GgufFile>> GgufFile::open(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
  const std::string where = path.string();
  // Once where it lies, to know its length; then a copy, which nobody can change meanwhile.
  const auto length = header_bytes(file->bytes(), where);
  LAP_RETURN_IF_ERROR(file->intact());
  if (!length.ok()) return length.error();
  file->release(0, *length);
  std::vector<std::byte> bytes(*length);
  LAP_RETURN_IF_ERROR(file->read(0, bytes));
  LAP_ASSIGN_OR_RETURN(Header header, parse_header(std::move(bytes), file->bytes().size(), where));
  return std::shared_ptr<const GgufFile>(new GgufFile(std::move(file), std::move(header)));
}

GgufFile::GgufFile(std::shared_ptr<const MappedFile> file, Header header)
    : file_(std::move(file)), header_(std::move(header)), by_name_(header_.tensors.size()) {
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  std::sort(by_name_.begin(), by_name_.end(),
            [&](uint32_t a, uint32_t b) { return tensors()[a].name < tensors()[b].name; });
  digests_.reserve(tensors().size());
  for (const TensorInfo& info : tensors()) {
    digests_.push_back(std::make_shared<tensor::TensorDigest>(stored_type(info)));
  }
}

const TensorInfo* GgufFile::find(std::string_view name) const {
  const auto it =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](uint32_t i, std::string_view n) { return tensors()[i].name < n; });
  if (it == by_name_.end() || tensors()[*it].name != name) return nullptr;
  return &tensors()[*it];
}

size_t GgufFile::index_of(const TensorInfo& info) const {
  return static_cast<size_t>(&info - tensors().data());
}

tensor::Tensor GgufFile::stored(const TensorInfo& info) const {
  return tensor::from_file(file_, info.offset, stored_type(info), info.name,
                           digests_[index_of(info)]);
}

tensor::TensorDigest& GgufFile::digest(const TensorInfo& info) const {
  return *digests_[index_of(info)];
}

}  // namespace lapidary::gguf
