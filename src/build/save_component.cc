#include "build/save_component.h"

#include <system_error>
#include <utility>

#include "base/files.h"
#include "graph/onnx_writer.h"
#include "package/side_files.h"

namespace lapidary::build {

Result<std::vector<package::FileRecord>> record_files(const std::vector<std::string>& files,
                                                      const std::filesystem::path& staging,
                                                      const Work& work) {
  std::vector<package::FileRecord> out;
  for (const std::string& file : files) {
    LAP_ASSIGN_OR_RETURN(package::FileRecord record, package::file_record(staging, file, work));
    out.push_back(std::move(record));
  }
  return out;
}

Result<std::vector<package::FileRecord>> save_component(const PlannedComponent& component,
                                                        const std::filesystem::path& staging,
                                                        const Work& work) {
  const std::filesystem::path dir = staging / component.name;
  std::error_code problem;
  std::filesystem::create_directories(dir, problem);
  if (problem) return system_error(dir, problem.value());
  const auto bytes = static_cast<uint64_t>(component.data_bytes());
  work.stage(component.name, bytes, Unit::kBytes);
  std::vector<std::string> files;
  for (const PlannedGraph& each : component.graphs) {
    LAP_ASSIGN_OR_RETURN(const graph::SavedModel saved,
                         graph::save(each.graph, staging / each.record.file, work));
    for (const auto& file : saved.files) {
      files.push_back(file.lexically_relative(staging).string());
    }
  }
  work.stage(component.name + " checksums", bytes, Unit::kBytes);
  return record_files(files, staging, work);
}

}  // namespace lapidary::build
