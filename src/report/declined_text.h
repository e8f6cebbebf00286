// What passes left alone, for people: the end of `lapidary build` and of `lapidary convert`.
#pragma once

#include <string>
#include <vector>

#include "passes/pass.h"

namespace lapidary::report {

// "layers.0.mlp/MatMul and 41 more". `names` is not empty.
std::string first_and_more(const std::vector<std::string>& names);

// "  INTRODUCTION layers.0.mlp/MatMul and 41 more: no weight\n": nodes declined for one reason share
// a line, so that a model of forty layers does not fill the screen.
std::string declined_text(const std::vector<passes::Declined>& declined,
                          const std::string& introduction);

}  // namespace lapidary::report
