#include "package/manifest_graphs.h"

#include <fmt/core.h>

#include <filesystem>
#include <utility>

namespace lapidary::package {
namespace {

// A package must not make anyone read files outside its folder.
std::string relative_path(JsonReader& reader, const std::string& key) {
  std::string out = reader.string(key);
  const std::filesystem::path path(out);
  bool inside = !path.is_absolute() && out.find('\0') == std::string::npos;
  for (const auto& part : path) inside = inside && part != "..";
  if (!inside) reader.fail(key, "leads outside the package", kRebuild);
  return out;
}

std::vector<Port> ports(JsonReader& parent, const std::string& key) {
  std::vector<Port> out;
  for (JsonReader& entry : parent.objects(key, kRebuild)) {
    Port port;
    port.name = entry.string("name");
    port.dtype = entry.string("dtype");
    const Json& shape = entry.raw("shape");
    if (!shape.is_array()) entry.fail("shape", "must be an array", kRebuild);
    for (const Json& dim : shape) {
      if (dim.is_string()) {
        port.shape.push_back(dim.get<std::string>());
      } else if (const auto number = integer_of(dim); number && *number >= 0) {
        port.shape.push_back(std::to_string(*number));
      } else {
        entry.fail("shape", "must hold numbers and names", kRebuild);
      }
    }
    port.optional = entry.boolean_or("optional", false);
    if (auto encoding = entry.optional_child("encoding")) {
      port.encoding = PortEncoding{encoding->number("scale", {.min = 0, .max = kFloat32Range.max}),
                                   encoding->integer("zero_point")};
      if (port.encoding->scale == 0) encoding->fail("scale", "is 0", kRebuild);
      encoding->reject_unknown(kRebuild);
    }
    entry.reject_unknown(kRebuild);
    out.push_back(std::move(port));
  }
  return out;
}

}  // namespace

// Calibration graphs are never saved.
contract::Role read_role(JsonReader& reader, const std::string& name) {
  const auto role = contract::role_named(name);
  if (role && *role != contract::Role::kCalibration) return *role;
  reader.fail("role", fmt::format("is '{}'; known are model, prefill and decode", name), kRebuild);
  return contract::Role::kModel;
}

std::vector<ContextModel> read_contexts(JsonReader& parent, const std::string& key) {
  std::vector<ContextModel> out;
  for (JsonReader& entry : parent.objects(key, kRebuild)) {
    ContextModel context;
    context.component = entry.string("component");
    context.role = read_role(entry, entry.string("role"));
    context.part = entry.integer("part", {.min = 0});
    context.file = relative_path(entry, "file");
    context.binary = relative_path(entry, "binary");
    entry.reject_unknown(kRebuild);
    out.push_back(std::move(context));
  }
  return out;
}

GraphRecord read_graph_record(JsonReader& reader) {
  GraphRecord out;
  out.name = reader.string("name");
  out.role = read_role(reader, reader.string_or("role", name_of(contract::Role::kModel)));
  out.part = reader.integer_or("part", 0, {.min = 0});
  out.file = relative_path(reader, "file");
  out.inputs = ports(reader, "inputs");
  out.outputs = ports(reader, "outputs");
  JsonReader ops = reader.child("ops");
  for (const auto& [op, count] : ops.json().items()) out.ops[op] = ops.integer(op, {.min = 0});
  for (JsonReader& entry : reader.objects("tensors", kRebuild)) {
    TensorRecord tensor;
    tensor.name = entry.string("name");
    tensor.dtype = entry.string("dtype");
    tensor.shape = entry.integers("shape", {.min = 0});
    tensor.bytes = entry.integer("bytes", {.min = 0});
    tensor.quantization = entry.string_or("quantization", "");
    entry.reject_unknown(kRebuild);
    out.tensors.push_back(std::move(tensor));
  }
  reader.reject_unknown(kRebuild);
  return out;
}

FileRecord read_file_record(JsonReader& reader) {
  FileRecord out;
  out.path = relative_path(reader, "path");
  out.size = static_cast<uint64_t>(reader.integer("size", {.min = 0}));
  out.xxh3 = reader.string("xxh3");
  reader.reject_unknown(kRebuild);
  return out;
}

}  // namespace lapidary::package
