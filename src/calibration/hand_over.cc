#include "calibration/hand_over.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/files.h"

namespace lapidary::calibration {

Result<std::vector<ort::HostTensor>> HandOver::next() {
  if (sample_ == index_.samples.size()) {
    return internal_error(file_.path().string(), "has no further sample");
  }
  std::vector<ort::HostTensor> sample;
  for (const HandOverIndex::Entry& entry : index_.samples[sample_++]) {
    ort::HostTensor& tensor = sample.emplace_back(entry.tensor);
    tensor.data.resize(entry.bytes);
    LAP_RETURN_IF_ERROR(file_.read(offset_, tensor.data));
    offset_ += entry.bytes;
  }
  return sample;
}

Result<HandOverWriter> HandOverWriter::create(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kScratchValues;
  ::unlink(path.c_str());
  const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) {
    return io_error(path.string(), fmt::format("cannot be written: {}", std::strerror(errno)));
  }
  ::unlink(path.c_str());
  return HandOverWriter(path, fd);
}

HandOverWriter::HandOverWriter(HandOverWriter&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      index_(std::move(other.index_)) {}

HandOverWriter::~HandOverWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void HandOverWriter::declare(const ort::HostTensor& tensor) {
  graph::ValueInfo port{tensor.name, tensor.type, {tensor.shape.begin(), tensor.shape.end()}};
  const auto [known, is_new] = index_.ports.emplace(tensor.name, port);
  if (!is_new && known->second.shape != port.shape) {
    known->second.shape.clear();
    known->second.ranked = false;
  }
}

Status HandOverWriter::put(std::vector<ort::HostTensor> sample) {
  std::vector<HandOverIndex::Entry>& entries = index_.samples.emplace_back();
  for (ort::HostTensor& tensor : sample) {
    const std::string_view bytes(
        static_cast<const char*>(static_cast<const void*>(tensor.data.data())), tensor.data.size());
    LAP_RETURN_IF_ERROR(write_bytes(fd_, bytes, path_, {}));
    declare(tensor);
    tensor.data = {};
    entries.push_back({std::move(tensor), bytes.size()});
  }
  return {};
}

Result<HandOver> HandOverWriter::finish() && {
  LAP_ASSIGN_OR_RETURN(InputFile file, InputFile::of(fd_, path_));
  return HandOver(std::move(file), std::move(index_));
}

}  // namespace lapidary::calibration
