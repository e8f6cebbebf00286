// Text from elsewhere can do nothing to a terminal, and fine text stays as it is.
#include "base/printable.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace lapidary {
namespace {

constexpr size_t kFine = std::string_view::npos;

// Catches text of other scripts, emoji, line breaks or backslashes that are rewritten.
TEST(Printable, FineTextStays) {
  for (const std::string text :
       {"", "decoder/model.onnx", "a\tb\nc\n", "back\\slash \"quoted\" ~", "\u00a0", "▁fox",
        "Ünïcode, 日本語, עברית, العربية", "👩‍💻 \U0010fffd", "\u2028\u2029 \u2065\u206a"}) {
    EXPECT_EQ(find_unprintable(text), kFine) << text;
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, ControlCharactersAreShown) {
  EXPECT_EQ(printable("a\x1b[31mred\x1b]0;title\x07z"), "a\\u001b[31mred\\u001b]0;title\\u0007z");
  EXPECT_EQ(printable("over\rwritten\b\v\f\x7f"), "over\\u000dwritten\\u0008\\u000b\\u000c\\u007f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\u0000b");
  // U+009B alone begins an escape sequence.
  EXPECT_EQ(printable("\u009b2J\u0080\u009f\u00a0"), "\\u009b2J\\u0080\\u009f\u00a0");
  for (char32_t c = 0; c < 0x20; ++c) {
    std::string text = "x";
    append_utf8(text, c);
    EXPECT_EQ(find_unprintable(text), c == '\t' || c == '\n' ? kFine : 1U) << unsigned{c};
  }
}

TEST(Printable, TurnsOfDirectionAreShown) {
  EXPECT_EQ(printable("\u202a\u202e\u2066\u2069"), "\\u202a\\u202e\\u2066\\u2069");
  EXPECT_EQ(printable("\u2029\u202f\u2065\u206a"), "\u2029\u202f\u2065\u206a");
}

// Each byte of what is no character, and nothing of the characters around it.
TEST(Printable, BytesThatAreNoUtf8AreShown) {
  EXPECT_EQ(printable("ü\xffü"), "ü\\xffü");
  EXPECT_EQ(printable("\x9b[31m"), "\\x9b[31m");            // a lone continuation
  EXPECT_EQ(printable("a\xe2\x96"), "a\\xe2\\x96");         // cut off
  EXPECT_EQ(printable("\xe2\x96z"), "\\xe2\\x96z");         // ended by another
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(find_unprintable("ab\xff\x1b"), 2U);
}

// The same text whatever the pieces; nothing of a whole character is held back.
TEST(PrintableStream, AnyPiecesGiveTheSameText) {
  const std::string text = "fox ▁👩 ü\x1b[2J\u009b\u202e\xff\xe2\x96|\xf0\x9f.";
  for (size_t length = 1; length <= text.size(); ++length) {
    PrintableStream stream;
    std::string out;
    for (size_t begin = 0; begin < text.size(); begin += length) {
      out += stream.push(std::string_view(text).substr(begin, length));
    }
    EXPECT_EQ(out + stream.flush(), printable(text)) << "pieces of " << length;
  }
  PrintableStream stream;
  EXPECT_EQ(stream.push("a▁"), "a▁");
  EXPECT_EQ(stream.push("\xe2\x96"), "");
  EXPECT_EQ(stream.push("\x81 b"), "▁ b");
}

TEST(PrintableStream, ACharacterThatNeverEndsIsShownAtTheEnd) {
  PrintableStream stream;
  EXPECT_EQ(stream.push("a\xf0\x9f\x91"), "a");
  EXPECT_EQ(stream.flush(), "\\xf0\\x9f\\x91");
  EXPECT_EQ(stream.flush(), "");
}

}  // namespace
}  // namespace lapidary
