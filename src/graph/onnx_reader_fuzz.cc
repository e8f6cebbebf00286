// libFuzzer target: any bytes as a model file. The reader must answer with a graph or an error.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "graph/onnx_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int fd = ::memfd_create("model.onnx", 0);
  if (fd < 0) return 0;
  if (::write(fd, data, size) == static_cast<ssize_t>(size)) {
    const auto graph = lapidary::graph::load("/proc/self/fd/" + std::to_string(fd));
    if (graph.ok()) {
      // What was accepted must be printable and readable to the last byte.
      lapidary::graph::print(*graph);
      for (const auto& [name, tensor] : graph->initializers) {
        if (!tensor.materialize().ok()) std::abort();
      }
    }
  }
  ::close(fd);
  return 0;
}
