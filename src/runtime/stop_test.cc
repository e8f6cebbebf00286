#include "runtime/stop.h"

#include <gtest/gtest.h>

namespace lapidary::runtime {
namespace {

struct Run {
  std::string text;
  bool stopped = false;
};

// Streams `text` in pieces of `size` bytes.
Run stream(const std::vector<std::string>& stops, const std::string& text, size_t size) {
  StopScanner scanner(stops);
  Run run;
  for (size_t i = 0; i < text.size(); i += size) {
    const auto output = scanner.push(std::string_view(text).substr(i, size));
    run.text += output.text;
    if (output.stopped) {
      run.stopped = true;
      return run;
    }
  }
  run.text += scanner.finish();
  return run;
}

// Catches a stop string that is missed when it straddles pieces, and text that leaks from it.
TEST(StopScanner, SameResultHoweverTheTextIsCut) {
  const std::string text = "aab aaab STOP more aaaab";
  for (size_t size = 1; size <= text.size(); ++size) {
    EXPECT_EQ(stream({"aaab"}, text, size).text, "aab ");
    EXPECT_TRUE(stream({"aaab"}, text, size).stopped);
    EXPECT_EQ(stream({"STOP"}, text, size).text, "aab aaab ");
    EXPECT_EQ(stream({"nowhere"}, text, size).text, text);
    EXPECT_FALSE(stream({"nowhere"}, text, size).stopped);
  }
}

TEST(StopScanner, EmitsWhatCannotBelongToAStop) {
  StopScanner scanner({"END"});
  EXPECT_EQ(scanner.push("the E").text, "the ");
  EXPECT_EQ(scanner.push("N").text, "");
  EXPECT_EQ(scanner.push("X").text, "ENX");
  EXPECT_EQ(scanner.push("EN").text, "");
  EXPECT_EQ(scanner.finish(), "EN");
}

TEST(StopScanner, TheStopThatBeginsFirstCounts) {
  StopScanner scanner({"cd", "bcde"});
  const auto output = scanner.push("abcdef");
  EXPECT_TRUE(output.stopped);
  EXPECT_EQ(output.text, "a");
}

TEST(StopScanner, EmptyStopsAreIgnored) {
  EXPECT_EQ(stream({"", ""}, "text", 2).text, "text");
  EXPECT_EQ(stream({}, "text", 2).text, "text");
}

}  // namespace
}  // namespace lapidary::runtime
