// Writes a Graph as an ONNX model file with external data (onnx.proto; the IR version is that of
// ir_version.h).
//
//   LAP_ASSIGN_OR_RETURN(SavedModel saved, save(graph, "pkg/decoder/model.onnx", {}));
//
// Weights go to "<model>.data" beside the model, which may exceed 2 GB; small ones are embedded.
// The lazy tensors are evaluated tile by tile on all cores, each tile written once at its place, so
// that memory is bounded by the tiles in flight whatever the model's size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/work.h"
#include "graph/graph.h"

namespace lapidary::graph {

struct SavedModel {
  std::vector<std::filesystem::path> files;  // the model, then its data file if there is one
  int64_t data_bytes = 0;
};

enum class Durability {
  // Content is on disk when `save` returns: a machine that loses power afterwards keeps it. The names
  // are not: flush the folder (sync_directory) once all that belongs together is in it.
  kOnDisk,
  kScratch,  // read once by this process, and removed: not worth waiting for the disk
};

// Bytes that `save` will write to the data file.
int64_t external_bytes(const Graph& graph);
// Bytes that `save` will write to the model file, whose data file has that name. Reads no weight.
// Nothing can go wrong with a graph that `check` accepts.
int64_t model_bytes(const Graph& graph, const std::string& data_file);

// Advances `work` by bytes. Errors: a graph that fails check(); no space (asked for in advance);
// unwritable folder; a weight that cannot be read; cancelled. Files written so far are removed.
Result<SavedModel> save(const Graph& graph, const std::filesystem::path& model_path,
                        const Work& work, Durability durability = Durability::kOnDisk);
// The model file alone, for data that `save` wrote for the same graph and that are called
// `data_file` now, beside the model. Errors: those of `save`; the file is removed.
Status save_model(const Graph& graph, const std::filesystem::path& model_path,
                  const std::string& data_file);

}  // namespace lapidary::graph
