// The JSON of a tokenizer.json alone: our scanner against simdjson, on the 262144-word tokenizer of
// the tests. Built where simdjson is installed (libsimdjson-dev); nothing else uses it.
//
//   tokenizer_json
//
// Each reader puts the vocabulary and the merges into vectors of views, in a process of its own,
// on one thread; the time is that of the CPU, the best of some rounds with nothing kept between
// them, as in a start of the program.
#include <malloc.h>
#include <simdjson.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/testing/source_dir.h"
#include "text/testing/big_tokenizer.h"
#include "text/tokenizer_scan.h"

namespace {

using lapidary::text::MergeTable;
using lapidary::text::TokenizerScan;
using lapidary::text::Vocabulary;

constexpr int kRounds = 9;

struct Content {
  std::vector<Vocabulary::Entry> vocabulary;
  std::vector<MergeTable::Pair> merges;
};

size_t by_scanner(std::string_view text) {
  TokenizerScan scan(text);
  while (!scan.done()) scan.advance();
  return scan.problem().empty() ? scan.vocabulary().size() + scan.merges().size() : 0;
}

void read_vocabulary(simdjson::ondemand::object vocabulary, Content& out) {
  for (auto field : vocabulary) {
    Vocabulary::Entry entry{};
    entry.token = field.unescaped_key();
    entry.id = field.value().get_int64();
    out.vocabulary.push_back(entry);
  }
}

void read_merges(simdjson::ondemand::array merges, Content& out) {
  for (auto element : merges) {
    MergeTable::Pair pair;
    int count = 0;
    for (auto part : element.get_array()) {
      const std::string_view token = part.get_string();
      (count++ == 0 ? pair.left : pair.right) = token;
    }
    out.merges.push_back(pair);
  }
}

// simdjson wants room behind the text, so it has a copy.
size_t on_demand(std::string_view text) {
  const simdjson::padded_string padded(text);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document = parser.iterate(padded);
  Content out;
  simdjson::ondemand::object model = document["model"].get_object();
  for (auto field : model) {
    const std::string_view key = field.unescaped_key();
    if (key == "vocab") read_vocabulary(field.value().get_object(), out);
    if (key == "merges") read_merges(field.value().get_array(), out);
  }
  return out.vocabulary.size() + out.merges.size();
}

size_t by_dom(std::string_view text) {
  const simdjson::padded_string padded(text);
  simdjson::dom::parser parser;
  const simdjson::dom::element model = parser.parse(padded)["model"];
  Content out;
  for (const auto& [token, id] : model["vocab"].get_object()) {
    Vocabulary::Entry entry{};
    entry.token = token;
    entry.id = id.get_int64();
    out.vocabulary.push_back(entry);
  }
  for (const simdjson::dom::element pair : model["merges"].get_array()) {
    out.merges.push_back({pair.at(0).get_string(), pair.at(1).get_string()});
  }
  return out.vocabulary.size() + out.merges.size();
}

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void measure(const char* name, size_t (*reader)(std::string_view), std::string_view text) {
  std::fflush(stdout);
  malloc_trim(0);  // what the text's making left would hide the reader's own
  const pid_t child = fork();
  if (child != 0) {
    waitpid(child, nullptr, 0);
    return;
  }
  const double before = peak_megabytes();
  double best = 1e30;
  size_t found = 0;
  for (int i = 0; i < kRounds; ++i) {
    const double start = cpu_ms();
    found = reader(text);
    best = std::min(best, cpu_ms() - start);
  }
  std::printf("%-20s %7.1f ms   %5.0f MB more   %zu tokens and merges\n", name, best,
              peak_megabytes() - before, found);
  std::fflush(stdout);
  _exit(0);
}

}  // namespace

int main() {
  std::ifstream words(lapidary::source_dir() / "tests/golden/text/big_words.txt");
  const std::string text = lapidary::text::testing::big_tokenizer_json(
      std::string(std::istreambuf_iterator<char>(words), {}));
  std::printf("%.1f MB of JSON; simdjson's kernel: %s\n", static_cast<double>(text.size()) / 1e6,
              simdjson::get_active_implementation()->name().c_str());
  measure("our scanner", by_scanner, text);
  measure("simdjson on demand", on_demand, text);
  measure("simdjson DOM", by_dom, text);
  return 0;
}
