#include "build/conversion_output.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/folder_handle.h"
#include "graph/onnx_reader.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;

fs::path beside(const fs::path& path, const char* suffix) {
  fs::path out = path;
  out += suffix;
  return out;
}

constexpr std::array kOwnDataSuffixes = {".lapidary-0.data", ".lapidary-1.data"};

Status move_over(const fs::path& from, const fs::path& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? Status() : system_error(to, errno);
}

Status flush_folder_of(const fs::path& path) {
  const fs::path folder = path.parent_path();
  return sync_directory(folder.empty() ? "." : folder);
}

}  // namespace

ConversionOutput::ConversionOutput(const fs::path& output, OutputLock lock)
    : output_(output), folder_(beside(output, ".partial")), lock_(std::move(lock)) {
  model_ = folder_ / output.filename();
}

ConversionOutput::ConversionOutput(ConversionOutput&& other) noexcept
    : output_(std::move(other.output_)),
      folder_(std::exchange(other.folder_, {})),
      model_(std::move(other.model_)),
      lock_(std::move(other.lock_)) {}

ConversionOutput::~ConversionOutput() {
  if (!folder_.empty()) clear();
}

Result<ConversionOutput> ConversionOutput::open(const fs::path& output) {
  const Error busy =
      bad_input(beside(output, ".partial").string(), "another conversion is writing this file",
                "wait for it, or choose another output");
  const auto with_remedy = [](Error error) {
    if (error.remedy.empty()) error.remedy = "check that the output's folder is there";
    return error;
  };
  auto lock = OutputLock::take(output, busy);
  if (!lock.ok()) return with_remedy(lock.take_error());
  ConversionOutput out(output, std::move(*lock));
  std::error_code code;
  if (fs::is_directory(fs::symlink_status(out.folder_, code))) out.clear();
  if (::mkdir(out.folder_.c_str(), 0777) == 0) return out;
  const int problem = errno;
  return with_remedy(system_error(std::exchange(out.folder_, {}), problem));
}

// Only what a conversion to this output makes.
void ConversionOutput::clear() const {
  std::error_code ignored;
  for (const fs::path& file : {model_, beside(model_, ".data"), early_model()}) {
    fs::remove(file, ignored);
  }
  fs::remove(folder_, ignored);
}

fs::path ConversionOutput::early_model() const { return beside(model_, ".early"); }

fs::path ConversionOutput::unused_data_name() const {
  // What cannot be read as a model was not made by a conversion, and uses neither name.
  const auto old = graph::load_model(output_);
  for (const char* suffix : kOwnDataSuffixes) {
    fs::path name = beside(output_, suffix);
    const auto is_it = [&](const fs::path& file) { return file.filename() == name.filename(); };
    if (!old.ok() || std::none_of(old->files.begin(), old->files.end(), is_it)) return name;
  }
  return beside(output_, kOwnDataSuffixes[0]);  // never: our models have one data file
}

Result<std::vector<fs::path>> ConversionOutput::publish(const graph::Graph& graph,
                                                        const graph::SavedModel& saved,
                                                        const Work& work) {
  const fs::path data = beside(output_, ".data");
  const bool has_data = saved.files.size() > 1;
  if (!has_data || !is_there(data) || !is_there(output_)) {
    LAP_RETURN_IF_ERROR(publish_at_once(saved));
  } else {
    const fs::path own_data = unused_data_name();
    LAP_RETURN_IF_ERROR(replace(graph, saved, own_data));
    if (const Status status = give_data_its_name(saved, own_data); !status.ok()) {
      work.note(fmt::format("the model is there, with its data in {}: {}", own_data.string(),
                            status.error().message()));
      return std::vector<fs::path>{output_, own_data};
    }
  }
  std::vector<fs::path> out = {output_};
  if (has_data) out.push_back(data);
  // What the old model used goes when there is no way back to it.
  if (const Status status = flush_folder_of(output_); !status.ok()) {
    work.note(fmt::format("the model is there, but a power cut may undo that: {}",
                          status.error().message()));
    return out;
  }
  std::error_code ignored;
  for (const fs::path& file : files_of_conversion(output_)) {
    if (std::find(out.begin(), out.end(), file) == out.end()) fs::remove(file, ignored);
  }
  return out;
}

// No model is there that uses OUTPUT.data, or the new one has no data.
Status ConversionOutput::publish_at_once(const graph::SavedModel& saved) const {
  if (saved.files.size() > 1) {
    LAP_RETURN_IF_ERROR(move_over(saved.files[1], beside(output_, ".data")));
    LAP_RETURN_IF_ERROR(flush_folder_of(output_));
  }
  return move_over(saved.files[0], output_);
}

Status ConversionOutput::replace(const graph::Graph& graph, const graph::SavedModel& saved,
                                 const fs::path& own_data) const {
  const fs::path model = early_model();
  LAP_RETURN_IF_ERROR(graph::save_model(graph, model, own_data.filename().string()));
  LAP_RETURN_IF_ERROR(move_over(saved.files[1], own_data));
  Status status = flush_folder_of(output_);
  if (status.ok()) status = move_over(model, output_);
  if (!status.ok()) ::unlink(own_data.c_str());
  return status;
}

// The model at the output uses `own_data`; in the end the same data as OUTPUT.data.
Status ConversionOutput::give_data_its_name(const graph::SavedModel& saved,
                                            const fs::path& own_data) const {
  // Before the old model's data go, the old model does.
  LAP_RETURN_IF_ERROR(flush_folder_of(output_));
  const fs::path& data = saved.files[1];
  if (::link(own_data.c_str(), data.c_str()) != 0) {
    LAP_RETURN_IF_ERROR(lapidary::copy_file(own_data, data));  // a file system without links
  }
  LAP_RETURN_IF_ERROR(move_over(data, beside(output_, ".data")));
  LAP_RETURN_IF_ERROR(flush_folder_of(output_));
  return move_over(saved.files[0], output_);
}

std::vector<fs::path> files_of_conversion(const fs::path& output) {
  std::vector<fs::path> out = {output, beside(output, ".data")};
  for (const char* suffix : kOwnDataSuffixes) out.push_back(beside(output, suffix));
  return out;
}

}  // namespace lapidary::build
