#include "jinja/unicode.h"

#include <gtest/gtest.h>

namespace lapidary::jinja {
namespace {

// Catches a decoder that takes overlong, surrogate or truncated sequences for text.
TEST(Unicode, RefusesInvalidUtf8) {
  EXPECT_TRUE(valid_utf8("plain \xC3\xA9 \xE6\x97\xA5 \xF0\x9F\x98\x80"));
  for (const char* bad : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE6\x97", "\xC3\x28", "\xFF"}) {
    EXPECT_FALSE(valid_utf8(bad)) << bad;
  }
}

// Catches lost characters between UTF-8 and code points, for every one there is.
TEST(Unicode, EveryCodePointRoundTrips) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    const std::string bytes = encode(Text(1, c));
    ASSERT_TRUE(valid_utf8(bytes)) << static_cast<uint32_t>(c);
    ASSERT_EQ(decode(bytes), Text(1, c));
  }
}

// Catches a look-up that misses rows of overlapping ranges, and the special mappings.
TEST(Unicode, CaseMappings) {
  EXPECT_EQ(encode(upper(decode("straße ŉ ǆ ﬁ і"))), "STRASSE ʼN Ǆ FI І");
  EXPECT_EQ(encode(lower(decode("ΌΔΟΣ ΑΣ İ Ǆ"))), "όδος ας i̇ ǆ");
  EXPECT_EQ(encode(title(decode("ǆungla they're"))), "ǅungla They'Re");
  EXPECT_EQ(encode(capitalize(decode("éCOLE"))), "École");
  EXPECT_TRUE(all_upper(decode("ÀÉ 1")));
  EXPECT_FALSE(all_lower(decode("1")));
}

// Catches stripping that stops at, or breaks, multi-byte white space.
TEST(Unicode, StripsUnicodeSpace) {
  EXPECT_EQ(strip("\u3000\u00A0 日 本 \u2028\n"), "日 本");
  EXPECT_EQ(strip("  a ", Ends::kLeft), "a ");
  EXPECT_EQ(strip("ééaé", decode("é"), Ends::kBoth), "a");
}

}  // namespace
}  // namespace lapidary::jinja
