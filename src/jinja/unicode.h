// Code points and the character properties of Python's str, for UTF-8 text.
//
//   Text text = decode("Größe");              // code points; text.size() == 5
//   std::string large = encode(upper(text));  // "GRÖSSE"
//
// Every function expects valid UTF-8 (checked where text enters the room). Figures
// follow the Unicode version named in unicode_tables.inc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace lapidary::jinja {

using Text = std::u32string;

// Number of code points.
size_t count_code_points(std::string_view bytes);
Text decode(std::string_view bytes);
std::string encode(const Text& text);

bool is_space(char32_t c);     // str.isspace, what str.strip and str.split remove
bool is_line_end(char32_t c);  // what str.splitlines splits at
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_alnum(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);
bool is_printable(char32_t c);  // repr shows it as it is

// Full case mappings: a character may become up to three.
Text upper(const Text& text);
Text lower(const Text& text);
Text capitalize(const Text& text);
Text title(const Text& text);  // str.title, not the filter of that name

// True if there is a cased character and none of the other case.
bool all_upper(const Text& text);
bool all_lower(const Text& text);

// Removes white space, or any of `chars`, at the chosen ends.
enum class Ends { kBoth, kLeft, kRight };
std::string_view strip(std::string_view bytes, Ends ends = Ends::kBoth);
std::string_view strip(std::string_view bytes, const Text& chars, Ends ends);

}  // namespace lapidary::jinja
