#include "recipe/components.h"

#include "gemma4/decoder.h"
#include "gemma4/embedding.h"

namespace lapidary::recipe {

const std::vector<ComponentBuilder>& component_builders() {
  static const std::vector<ComponentBuilder> builders = {
      {"embedding", &gemma4::build_embedding},
      {"decoder", &gemma4::build_decoder},
  };
  return builders;
}

}  // namespace lapidary::recipe
