#include "build/recovered_grids.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "base/text.h"
#include "tensor/grid.h"

namespace lapidary::build {
namespace {

constexpr int64_t kSampleWeights = 256;  // of a row, at most: 8 blocks

// The beginnings of the first, the middle and the last row. (Not read as a tensor: a matrix that no
// component uses would count as one that was.)
std::vector<uint16_t> samples_of(const checkpoint::StoredTensors& stored,
                                 const checkpoint::TensorEntry& entry, int64_t run) {
  const int64_t n = entry.type.shape[0];
  const int64_t k = entry.type.shape[1];
  const std::array<int64_t, 3> rows = {0, n / 2, n - 1};
  std::vector<uint16_t> out(rows.size() * static_cast<size_t>(run));
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto to = std::span(out).subspan(i * static_cast<size_t>(run), static_cast<size_t>(run));
    // What cannot be read lies on no grid; who reads all of it says why.
    if (!stored.read(entry.name, 2 * rows[i] * k, std::as_writable_bytes(to)).ok()) return {};
  }
  return out;
}

bool lies_on_grid(const checkpoint::StoredTensors& stored, const checkpoint::Weight& weight) {
  const tensor::Tensor& value = weight.value;
  if (value.dtype() != DType::kBfloat16 || value.shape().size() != 2 ||
      value.type().elements() == 0) {
    return false;
  }
  // Is it what the file holds, or something made of that?
  const checkpoint::TensorEntry* entry = stored.find(weight.stored_as);
  if (entry == nullptr || entry->type != value.type() || entry->name != value.describe()) {
    return false;
  }
  const int64_t run = std::min(kSampleWeights, value.shape()[1]);
  const std::vector<uint16_t> some = samples_of(stored, *entry, run);
  return !some.empty() && weights::looks_gridded(some, run);
}

}  // namespace

std::vector<RecoveredGrid> recover_grids(checkpoint::Checkpoint& checkpoint, bool required) {
  std::vector<RecoveredGrid> out;
  for (const std::string& name : checkpoint.weights.names()) {
    checkpoint::Weight weight = *checkpoint.weights.find(name);
    if (!lies_on_grid(checkpoint.stored, weight)) continue;
    auto share = std::make_shared<weights::RecoveredShare>();
    weight.value = weights::recovered_grid(weight.value, weight.stored_as, required, share);
    checkpoint.weights.set(name, std::move(weight));
    out.push_back({name, std::move(share)});
  }
  if (!out.empty()) {
    checkpoint.notes.push_back(fmt::format(
        "{} ({} the first) {} on a grid of 4-bit blocks of 32, as training for Q4_0 leaves them: "
        "blocks of 4 bits keep their codes",
        counted(static_cast<int64_t>(out.size()), "tensor"), out.front().name,
        out.size() == 1 ? "lies" : "lie"));
  }
  return out;
}

std::vector<std::string> share_lines(const std::vector<RecoveredGrid>& grids) {
  std::vector<std::string> out;
  int64_t blocks = 0;
  int64_t recovered = 0;
  int64_t tensors = 0;
  for (const RecoveredGrid& each : grids) {
    const int64_t read = each.share->blocks;
    const int64_t found = each.share->recovered;
    if (read == 0) continue;
    ++tensors;
    blocks += read;
    recovered += found;
    if (found == read) continue;
    out.push_back(fmt::format("{}: {:.2f} % of its blocks lie on a grid, the others were rounded",
                              each.name,
                              100 * static_cast<double>(found) / static_cast<double>(read)));
  }
  if (tensors > 0) {
    out.insert(out.begin(),
               fmt::format("{}: {:.2f} % of the blocks lie on a grid", counted(tensors, "tensor"),
                           100 * static_cast<double>(recovered) / static_cast<double>(blocks)));
  }
  return out;
}

Status require_kept_grids(const Plan& plan, const std::string& where) {
  for (const PlannedComponent& component : plan.components) {
    for (const PassReport& pass : component.passes) {
      const std::string at = fmt::format("{}, {}", component.name, pass.name);
      if (!pass.grids.rounded.empty()) {
        const auto& [weight, reason] = *pass.grids.rounded.begin();
        return bad_input(where,
                         fmt::format("{}: the grid of '{}' is not kept: {}", at, weight, reason),
                         "change the recipe's bits and block_size, or leave out --require-grid");
      }
      if (!pass.grids.without.empty()) {
        return bad_input(
            where, fmt::format("{}: '{}' lies on no grid", at, *pass.grids.without.begin()),
            "leave out --require-grid to have it rounded, or nodes_to_exclude its node");
      }
    }
  }
  return {};
}

}  // namespace lapidary::build
