#include "htp/model_files.h"

#include <onnx.pb.h>

#include <limits>
#include <set>

#include "base/mapped_file.h"

namespace lapidary::htp {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> model_files(const fs::path& model) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(model));
  const auto bytes = file->bytes();
  onnx::ModelProto proto;
  const bool parsed = bytes.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()) &&
                      proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
                      proto.has_graph();
  LAP_RETURN_IF_ERROR(file->intact());
  if (!parsed) {
    return bad_input(model.string(), "is not an ONNX model, or is truncated");
  }
  std::set<std::string> locations;
  for (const auto& tensor : proto.graph().initializer()) {
    for (const auto& entry : tensor.external_data()) {
      if (entry.key() == "location") locations.insert(entry.value());
    }
  }
  std::vector<fs::path> files = {model};
  for (const std::string& location : locations) files.push_back(model.parent_path() / location);
  return files;
}

}  // namespace lapidary::htp
