// What one part of a graph hands to the next, sample by sample: on disk, in a file without a name,
// of which nothing is left when the process ends.
//
//   LAP_ASSIGN_OR_RETURN(HandOverWriter writer, HandOverWriter::create(folder));
//   LAP_RETURN_IF_ERROR(writer.put(std::move(sample)));
//   LAP_ASSIGN_OR_RETURN(HandOver read, std::move(writer).finish());
//   LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> again, read.next());
//
// Memory: names and shapes of all samples, and one sample.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/input_file.h"
#include "base/result.h"
#include "graph/graph.h"
#include "ort/session.h"

namespace lapidary::calibration {

// The file's name while it has one.
inline constexpr const char* kScratchValues = "calibration.values";

// What lies in the file.
struct HandOverIndex {
  struct Entry {
    ort::HostTensor tensor;  // without its bytes
    size_t bytes = 0;
  };
  std::vector<std::vector<Entry>> samples;
  std::map<std::string, graph::ValueInfo> ports;  // unranked where shapes of samples differ
};

class HandOver {
 public:
  HandOver(InputFile file, HandOverIndex index)
      : file_(std::move(file)), index_(std::move(index)) {}

  // Of the next sample, in the order in which they were put. Errors: kIo; kInternal behind the last.
  Result<std::vector<ort::HostTensor>> next();
  const std::map<std::string, graph::ValueInfo>& ports() const { return index_.ports; }

 private:
  InputFile file_;
  HandOverIndex index_;
  size_t sample_ = 0;
  size_t offset_ = 0;
};

class HandOverWriter {
 public:
  // Errors: kIo, as of a folder that is not there. What a killed process left is overwritten.
  static Result<HandOverWriter> create(const std::filesystem::path& folder);
  HandOverWriter(HandOverWriter&& other) noexcept;
  HandOverWriter& operator=(HandOverWriter&&) = delete;
  ~HandOverWriter();

  // Errors: kIo, as of a full disk.
  Status put(std::vector<ort::HostTensor> sample);
  Result<HandOver> finish() &&;

 private:
  HandOverWriter(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  void declare(const ort::HostTensor& tensor);

  std::filesystem::path path_;  // for messages
  int fd_;
  HandOverIndex index_;
};

}  // namespace lapidary::calibration
