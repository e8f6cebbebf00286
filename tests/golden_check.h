// What golden tests have in common.
#pragma once

#include <stdexcept>
#include <utility>

#include "base/result.h"
#include "base/testing/compare.h"

namespace lapidary::golden {

// The value, or an exception that fails the test with the error's message.
template <typename T>
T take(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  return std::move(result).value();
}

inline void take(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error().message());
}

}  // namespace lapidary::golden
