// The components of a model: the name of each is the folder of its graphs in a package, what recipes
// and reports call it, and the first part of its nodes' names.
//
//   name_of(Component::kDecoder)        // "decoder"
//   component_named("vision_encoder")   // Component::kVisionEncoder
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace lapidary::contract {

enum class Component {
  kVisionEncoder,  // patches of pictures to soft tokens
  kAudioEncoder,   // log-mel frames to soft tokens
  kEmbedding,      // token ids and soft tokens to what the decoder takes
  kDecoder,        // to logits, keys and values
};

// In the order in which data flows through them.
inline constexpr std::array kComponents = {Component::kVisionEncoder, Component::kAudioEncoder,
                                           Component::kEmbedding, Component::kDecoder};

constexpr const char* name_of(Component component) {
  switch (component) {
    case Component::kVisionEncoder:
      return "vision_encoder";
    case Component::kAudioEncoder:
      return "audio_encoder";
    case Component::kEmbedding:
      return "embedding";
    case Component::kDecoder:
      break;
  }
  return "decoder";
}

// Nothing for a name that is no component's.
constexpr std::optional<Component> component_named(std::string_view name) {
  for (const Component component : kComponents) {
    if (name == name_of(component)) return component;
  }
  return std::nullopt;
}
constexpr bool is(std::string_view name, Component component) { return name == name_of(component); }

}  // namespace lapidary::contract
