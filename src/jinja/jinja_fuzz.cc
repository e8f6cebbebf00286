// libFuzzer target: any bytes as a template, rendered over a small conversation.
//
//   clang++ -fsanitize=fuzzer,address,undefined (see LAPIDARY_FUZZERS); seeds: tests/golden/jinja.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "jinja/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lapidary;
  static const Json variables = {
      {"bos_token", "<bos>"},
      {"messages",
       {{{"role", "user"}, {"content", "Hi"}}, {{"role", "assistant"}, {"content", "Ho"}}}},
      {"tools", nullptr},
      {"add_generation_prompt", true},
  };
  jinja::RenderOptions options;
  options.limits.max_steps = 100'000;
  options.limits.max_string = 1u << 20;
  options.limits.max_items = 1u << 16;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  auto parsed = jinja::Template::parse(source, "fuzz");
  if (parsed.ok()) (void)parsed->render(variables, options);
  return 0;
}
