// Packages opened in this process, for tests of the library rather than the program.
#pragma once

#include <string>

#include "runtime/model.h"

namespace lapidary::e2e {

// With one thread. Throws when it cannot be opened, which fails the test.
runtime::Model open_model(const std::string& package);

// The tiny model's fp32 package, opened once.
const runtime::Model& model();

}  // namespace lapidary::e2e
