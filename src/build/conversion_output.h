// Where a conversion writes, and the moment its model takes the output's place.
//
//   LAP_ASSIGN_OR_RETURN(ConversionOutput place, ConversionOutput::open("out.onnx"));
//   LAP_ASSIGN_OR_RETURN(const graph::SavedModel saved, graph::save(graph, place.model(), work));
//   LAP_ASSIGN_OR_RETURN(const auto files, place.publish(graph, saved, work));
//
// A model and its data are two files, and no file system exchanges two at once. So a model that
// replaces one with data gets its data under a name of its own first, out.onnx.lapidary-0.data or
// out.onnx.lapidary-1.data, whichever the old model does not use: whenever the process is killed,
// what is called out.onnx is the old model or the new one, with the data that belong to it.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "build/output_lock.h"
#include "graph/onnx_writer.h"

namespace lapidary::build {

class ConversionOutput {
 public:
  // Makes the folder "OUTPUT.partial", in place of one that a killed conversion left, and locks the
  // output (output_lock.h). Errors: another conversion writes it; something else has that name; the
  // place is not writable.
  static Result<ConversionOutput> open(const std::filesystem::path& output);

  ConversionOutput(ConversionOutput&& other) noexcept;
  ConversionOutput& operator=(ConversionOutput&&) = delete;
  ConversionOutput(const ConversionOutput&) = delete;
  ConversionOutput& operator=(const ConversionOutput&) = delete;
  ~ConversionOutput();  // the folder is gone at the end, whatever happens

  // In the folder: where graph::save is to write.
  const std::filesystem::path& model() const { return model_; }

  // Gives what was saved, on disk by graph::save, the output's names, in place of what has them. The model
  // and its data, if it has any: OUTPUT and OUTPUT.data. After an error the old output is there as
  // it was. What goes wrong once the new one is there is noted; then its data keep the other name.
  Result<std::vector<std::filesystem::path>> publish(const graph::Graph& graph,
                                                     const graph::SavedModel& saved,
                                                     const Work& work);

 private:
  ConversionOutput(const std::filesystem::path& output, OutputLock lock);

  void clear() const;
  std::filesystem::path early_model() const;  // in the folder
  Status publish_at_once(const graph::SavedModel& saved) const;
  Status replace(const graph::Graph& graph, const graph::SavedModel& saved,
                 const std::filesystem::path& own_data) const;
  Status give_data_its_name(const graph::SavedModel& saved,
                            const std::filesystem::path& own_data) const;
  std::filesystem::path unused_data_name() const;

  std::filesystem::path output_;
  std::filesystem::path folder_;
  std::filesystem::path model_;
  OutputLock lock_;
};

// What conversions to `output` write beside it, each of which `force` replaces.
std::vector<std::filesystem::path> files_of_conversion(const std::filesystem::path& output);

}  // namespace lapidary::build
