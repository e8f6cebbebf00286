// Character classes as the reference's regular expressions know them.
#pragma once

namespace lapidary::text {

bool is_space(char32_t character);  // \s: Unicode's White_Space
bool is_word(char32_t character);   // \w: letters, marks, decimal digits, connectors, joiners

}  // namespace lapidary::text
