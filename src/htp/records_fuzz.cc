// libFuzzer target: what the HTP's side of a build reads. The first byte chooses: '0' a claims
// report, '1' a graph that the compiler dumped, '2' the words of a context binary, '3' a context
// model (ONNX), '4' a worker's request, '5' a list of tensors, a zero byte, and their bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/testing/fuzz.h"
#include "graph/onnx_reader.h"
#include "htp/claims.h"
#include "htp/claims_report.h"
#include "htp/context_binary.h"
#include "htp/context_model.h"
#include "htp/tensor_files.h"
#include "htp/worker.h"

namespace {

namespace fuzzing = lapidary::fuzzing;
namespace htp = lapidary::htp;
using lapidary::Json;

const fuzzing::Folder& folder() {
  static const fuzzing::Folder kFolder;
  return kFolder;
}

void read_report(std::string_view text) {
  const auto json = lapidary::parse_json(text, "claims.json");
  if (!fuzzing::accepted(json)) return;
  const auto report = htp::read_claims_report(*json, "claims.json");
  if (!fuzzing::accepted(report)) return;
  static const lapidary::target::Target kChip = *lapidary::target::resolve("v81", "");
  const Json written = htp::claims_report(kChip, report->graphs);
  const auto again = htp::read_claims_report(written, "written");
  fuzzing::require(again.ok() && again->graphs == report->graphs,
                   "a report changed when it was written and read");
}

void read_dump(std::string_view text) {
  const auto claims = htp::parse_claims(text, "dump.json");
  if (!fuzzing::accepted(claims)) return;
  size_t nodes = 0;
  for (const auto& [type, count] : claims->op_counts()) nodes += count;
  fuzzing::require(nodes == claims->nodes.size(), "a node is of no type");
}

void read_binary(std::string_view text) {
  const auto target = htp::find_binary_target(std::as_bytes(std::span(text)));
  if (!target) return;
  fuzzing::require(target->arch.size() > 1 && target->arch[0] == 'v' && !target->soc.empty(),
                   "a binary is for no chip");
}

void read_context(std::string_view bytes) {
  const auto model = folder().write("context.onnx", bytes);
  const auto graph = lapidary::graph::load(model);
  if (!fuzzing::accepted(graph)) return;
  fuzzing::require(htp::cpu_nodes(*graph, *graph).size() <= graph->nodes.size(),
                   "more nodes on the CPU than there are");
  const auto binary = htp::binary_of(*graph, "context.onnx");
  if (!fuzzing::accepted(binary)) return;
  const bool embedded = binary->empty();
  fuzzing::require(!embedded || htp::embedded_binary(*graph, "context.onnx").ok(),
                   "a binary is inside and is not");
  const auto saved = htp::save_context(*graph, "other.bin", folder().path() / "saved.onnx");
  if (!fuzzing::accepted(saved) || embedded) return;
  const auto again = lapidary::graph::load(folder().path() / "saved.onnx");
  if (!fuzzing::accepted(again)) return;
  const auto other = htp::binary_of(*again, "saved.onnx");
  fuzzing::require(other.ok() && *other == "other.bin", "a binary's new place was lost");
}

void read_worker_request(std::string_view text) {
  folder().write("request.json", text);
  const auto request = htp::read_request(folder().path());
  if (!fuzzing::accepted(request)) return;
  fuzzing::require(htp::write_request(folder().path(), *request).ok(), "it cannot be written");
  const std::string written = folder().read("request.json");
  const auto again = htp::read_request(folder().path());
  fuzzing::require(again.ok() && htp::write_request(folder().path(), *again).ok() &&
                       folder().read("request.json") == written,
                   "a request changed when it was written and read");
}

bool are_equal(const lapidary::ort::HostTensor& a, const lapidary::ort::HostTensor& b) {
  return a.name == b.name && a.type == b.type && a.shape == b.shape && a.data == b.data;
}

void read_tensor_list(std::string_view input) {
  const auto [list, bytes] = fuzzing::split(input);
  folder().write("in.json", list);
  folder().write("in.bin", bytes);
  const auto tensors = htp::read_tensors(folder().path() / "in");
  if (!fuzzing::accepted(tensors)) return;
  size_t read = 0;
  for (const auto& tensor : *tensors) read += tensor.data.size();
  fuzzing::require(read <= bytes.size(), "tensors hold more than their file");
  fuzzing::require(htp::write_tensors(folder().path() / "out", *tensors).ok(),
                   "tensors cannot be written");
  const auto again = htp::read_tensors(folder().path() / "out");
  fuzzing::require(again.ok() && std::equal(tensors->begin(), tensors->end(), again->begin(),
                                            again->end(), are_equal),
                   "tensors changed when they were written and read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzzing::Choice input(data, size, 6);
  folder();
  // Writers of graphs have buffers.
  const fuzzing::MemoryBound bound(
      size, 512, input.parser == 3 ? 64 << 20 : fuzzing::MemoryBound::kBytesBesides);
  switch (input.parser) {
    case 0:
      read_report(input.rest);
      break;
    case 1:
      read_dump(input.rest);
      break;
    case 2:
      read_binary(input.rest);
      break;
    case 3:
      read_context(input.rest);
      break;
    case 4:
      read_worker_request(input.rest);
      break;
    default:
      read_tensor_list(input.rest);
  }
  return 0;
}
