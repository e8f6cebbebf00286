#include "e2e/opened_model.h"

#include <stdexcept>
#include <utility>

#include "e2e/child.h"

namespace lapidary::e2e {

runtime::Model open_model(const std::string& package) {
  runtime::ModelOptions options;
  options.session.threads = 1;
  auto result = runtime::Model::open(package, options);
  if (!result.ok()) throw std::runtime_error(result.error().message());
  return std::move(result).value();
}

const runtime::Model& model() {
  static const runtime::Model opened = open_model(package("cpu-fp32"));
  return opened;
}

}  // namespace lapidary::e2e
