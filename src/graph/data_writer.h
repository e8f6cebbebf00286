// Streams the weights of a graph into its external data file.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/work.h"
#include "graph/data_layout.h"
#include "graph/onnx_writer.h"

namespace lapidary::graph {

// Reserves the file's space first, so that a full disk is reported before the work is done.
Status write_data(const DataLayout& layout, const std::filesystem::path& path,
                  Durability durability, const Work& work);

}  // namespace lapidary::graph
