// What the copies of examples may use besides what they are about (scripts/check-examples).
#pragma once

#include <gtest/gtest.h>

#include "base/result.h"

namespace lapidary {

// Whatever a reader would do with the values.
template <typename... Values>
void use(const Values&...) {}
template <typename... Values>
void print(const Values&...) {}

inline void expect_ok(const Status& status) {
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message());
}

}  // namespace lapidary
