// Inside the reader of ONNX files: tensors of a model, as lazy tensors.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace onnx {
class TensorProto;
}

namespace lapidary::graph {

class TensorReader {
 public:
  explicit TensorReader(std::filesystem::path model) : model_(std::move(model)) {}

  // Values in raw_data, in the typed fields, or in a file below the model's folder. A link may not
  // lead out of the folder, but for those of Hugging Face's cache to its blobs.
  // Errors: kBadInput for values that do not fill the shape, a shape that cannot be, or a place
  // outside the folder; kUnsupported for an element type without a DType, text among them; kIo.
  Result<tensor::Tensor> read(const onnx::TensorProto& proto);

  // The data files that were opened.
  std::vector<std::filesystem::path> files() const;

 private:
  std::filesystem::path folder() const;  // of the model
  Result<tensor::TensorType> read_type(const onnx::TensorProto& proto) const;
  Result<tensor::Tensor> read_external(const onnx::TensorProto& proto, tensor::TensorType type);

  std::filesystem::path model_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace lapidary::graph
