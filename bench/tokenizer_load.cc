// How long a tokenizer.json takes to load and how fast it encodes and decodes.
//
//   tokenizer_load [TOKENIZER_JSON [TEXT_FILE]]
//
// Without arguments it measures the 262144-word tokenizer of the tests on text of its own words.
// The time to load is also given as a multiple of the time to sum the bytes of the mapped file,
// which no loader can beat; CPU time is that of all threads together.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/testing/source_dir.h"
#include "text/testing/big_tokenizer.h"
#include "text/tokenizer.h"

namespace {

using lapidary::MappedFile;
using lapidary::text::Tokenizer;

constexpr int kRounds = 5;

double best_ms(const std::function<void()>& body) {
  double best = 1e30;
  for (int i = 0; i < kRounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double, std::milli> spent =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, spent.count());
  }
  return best;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Words of the vocabulary in a fixed scramble, one space between.
std::string text_of_words(const Tokenizer& tokenizer, size_t bytes) {
  std::string out;
  const auto count = static_cast<uint64_t>(tokenizer.vocab_size());
  for (uint64_t i = 1; out.size() < bytes; ++i) {
    const auto token = tokenizer.id_to_token(static_cast<int32_t>(i * 2654435761u % count));
    if (token && token->front() != '<' && token->size() < 24) out += *token + " ";
  }
  return out;
}

void report_encode(const Tokenizer& tokenizer, const char* name, const std::string& text) {
  std::vector<int32_t> ids;
  const double encode = best_ms([&] { ids = *tokenizer.encode(text, false); });
  const double decode = best_ms([&] { (void)tokenizer.decode(ids, false); });
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  std::printf("%-14s %7.2f MB -> %8zu ids   encode %7.1f MB/s   decode %7.1f MB/s\n", name,
              megabytes, ids.size(), megabytes / encode * 1e3, megabytes / decode * 1e3);
}

int run(const std::filesystem::path& path, const char* text_path) {
  const auto file = MappedFile::open(path);
  if (!file.ok()) {
    std::fprintf(stderr, "%s\n", file.error().message().c_str());
    return 2;
  }
  volatile uint64_t sink = 0;
  const double read = best_ms([&] {
    const auto mapped = MappedFile::open(path);
    const auto bytes = (*mapped)->bytes();
    uint64_t sum = 0;
    for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i, 8);
      sum += word;
    }
    sink = sum;
  });
  const std::clock_t cpu_start = std::clock();
  const double load = best_ms([&] { (void)Tokenizer::load(path); });
  const double cpu = static_cast<double>(std::clock() - cpu_start) * 1e3 / CLOCKS_PER_SEC / kRounds;
  auto tokenizer = Tokenizer::load(path);
  if (!tokenizer.ok()) {
    std::fprintf(stderr, "%s\n", tokenizer.error().message().c_str());
    return 2;
  }
  std::printf(
      "load %.1f ms (%.1f ms of CPU), sum of the mapped file %.1f ms, ratio %.1f   "
      "(%.1f MB, %zu tokens)\n",
      load, cpu, read, load / read, static_cast<double>((*file)->bytes().size()) / 1e6,
      tokenizer->vocab_size());
  if (text_path != nullptr) report_encode(*tokenizer, "file", read_text(text_path));
  report_encode(*tokenizer, "words", text_of_words(*tokenizer, 4'000'000));
  report_encode(*tokenizer, "one letter", std::string(1'000'000, 'a'));
  std::string unbroken;
  for (size_t i = 0; unbroken.size() < 1'000'000; ++i) unbroken += "thereforeinthewaterofpeople";
  report_encode(*tokenizer, "no spaces", unbroken);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return run(argv[1], argc > 2 ? argv[2] : nullptr);
  const auto path = std::filesystem::temp_directory_path() /
                    ("lapidary-tokenizer-" + std::to_string(::getpid()) + ".json");
  std::ofstream(path, std::ios::binary) << lapidary::text::testing::big_tokenizer_json(
      read_text(lapidary::source_dir() / "tests/golden/text/big_words.txt"));
  const int status = run(path, nullptr);
  std::filesystem::remove(path);
  return status;
}
