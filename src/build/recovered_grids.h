// The grids that a checkpoint's bfloat16 matrices lie on: looked for before anything is planned, so
// that passes can keep the codes (quant/grid_recovery.h says what a grid is and how it is found).
//
//   std::vector<RecoveredGrid> grids = recover_grids(checkpoint, false);
//   LAP_ASSIGN_OR_RETURN(Plan plan, make_plan(recipe, checkpoint, chip));  // and save
//   for (const std::string& line : share_lines(grids)) work.note(line);
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/plan.h"
#include "checkpoint/checkpoint.h"
#include "weights/recovered_grid.h"

namespace lapidary::build {

struct RecoveredGrid {
  std::string name;  // of the tensor
  std::shared_ptr<const weights::RecoveredShare> share;
};

// Gives every matrix of which samples lie on a grid that grid, and adds a sentence to the
// checkpoint's notes if there is one. Reads three short runs of each matrix, not the whole; what is
// no stored bfloat16 matrix (adapters' sums, packed weights) stays what it is. `required`: a block
// that turns out to be on no grid is an error when it is read.
std::vector<RecoveredGrid> recover_grids(checkpoint::Checkpoint& checkpoint, bool required);

// After the codes were written: how many blocks of the matrices that were quantized were on their
// grid; a line for all, and one for each matrix that was not on it whole.
std::vector<std::string> share_lines(const std::vector<RecoveredGrid>& grids);

// For --require-grid: kBadInput that names the first weight which a pass rounds to 4 bits though
// its grid was to be kept, or that has none. `where`: the checkpoint.
Status require_kept_grids(const Plan& plan, const std::string& where);

}  // namespace lapidary::build
