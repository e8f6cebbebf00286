// libFuzzer target: any bytes as a template, rendered over a small conversation and a long text.
// Sees cost as well as crashes: a rendering that takes far longer than its steps account for has
// found work that is not charged, and aborts.
//
//   clang++ -fsanitize=fuzzer,address,undefined (see LAPIDARY_FUZZERS); seeds: tests/golden/jinja and
//   tests/fuzz/jinja_jinja_fuzz.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "jinja/template.h"

namespace {

// With the sanitizers, on a machine that does other work too; without, a tenth of it is usual.
constexpr double kSecondsAtMost = 2.0;
constexpr double kSecondsBesides = 0.25;
constexpr double kSecondsPerStep = 10e-6;
constexpr double kSecondsPerByteOfSource = 20e-6;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

lapidary::Json conversation() {
  return {
      {"bos_token", "<bos>"},
      {"messages",
       {{{"role", "user"}, {"content", "Hi"}}, {{"role", "assistant"}, {"content", "Ho"}}}},
      {"tools", nullptr},
      {"add_generation_prompt", true},
      {"long", std::string(200'000, 'a')},
      {"wide", std::string(20'000, '1')},
  };
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lapidary;
  static const Json variables = conversation();
  jinja::RenderOptions options;
  options.limits.max_steps = 100'000;
  options.limits.max_string = 1u << 20;
  options.limits.max_items = 1u << 16;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const double start = cpu_seconds();
  auto parsed = jinja::Template::parse(source, "fuzz");
  if (!parsed.ok()) return 0;
  uint64_t steps = 0;
  (void)parsed->render(variables, options, &steps);
  const double took = cpu_seconds() - start;
  const double accounted = kSecondsBesides + kSecondsPerStep * static_cast<double>(steps) +
                           kSecondsPerByteOfSource * static_cast<double>(size);
  if (took > kSecondsAtMost || took > accounted) {
    std::fprintf(stderr, "%.3f s of work for %llu steps and %zu bytes of source\n", took,
                 static_cast<unsigned long long>(steps), size);
    std::abort();
  }
  return 0;
}
