// The components that a package can have, in the order data flows through them.
//
//   for (const ComponentBuilder& each : component_builders()) {
//     if (!each.is_part_of(config)) continue;
//     LAP_ASSIGN_OR_RETURN(graphs[each.component], each.build(config, weights));
//   }
#pragma once

#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "contract/component.h"
#include "gemma4/fixed_encoder_form.h"
#include "graph/graph.h"

namespace lapidary::build {

struct ComponentBuilder {
  contract::Component component;
  bool (*is_part_of)(const checkpoint::Config&);  // whether a model has it
  Result<graph::Graph> (*build)(const checkpoint::Config&, const checkpoint::Weights&);
  // At a fixed length; nullptr where StaticLLM does that, or nothing needs it.
  Result<graph::Graph> (*build_static)(const checkpoint::Config&, const checkpoint::Weights&,
                                       const gemma4::FixedEncoderForm&);
};

const std::vector<ComponentBuilder>& component_builders();

}  // namespace lapidary::build
