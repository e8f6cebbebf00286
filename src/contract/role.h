// What a graph of a component is run for.
//
//   name_of(Role::kPrefill)   // "prefill"
//   role_named("decode")      // Role::kDecode
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace lapidary::contract {

enum class Role {
  kModel,        // the component's only graph
  kPrefill,      // a chunk of a prompt
  kDecode,       // one token
  kCalibration,  // a whole sample at once, for the ranges of activations; never saved
};

inline constexpr std::array kRoles = {Role::kModel, Role::kPrefill, Role::kDecode,
                                      Role::kCalibration};

constexpr const char* name_of(Role role) {
  switch (role) {
    case Role::kPrefill:
      return "prefill";
    case Role::kDecode:
      return "decode";
    case Role::kCalibration:
      return "calibration";
    case Role::kModel:
      break;
  }
  return "model";
}

// Nothing for a name that is no role's.
constexpr std::optional<Role> role_named(std::string_view name) {
  for (const Role role : kRoles) {
    if (name == name_of(role)) return role;
  }
  return std::nullopt;
}

}  // namespace lapidary::contract
