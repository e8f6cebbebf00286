// Numbers in words for people.
//
//   human_bytes(1400000000)   // "1.4 GB"
//   human_seconds(83.2)       // "1 min 23 s"
//   fixed(0.12345, 2)         // "0.12"
//   counted(5, "node")        // "5 nodes"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lapidary {

// "1.4 GB", "12.0 MB", "512 B": powers of 1000.
std::string human_bytes(uint64_t bytes);
// "3.1 s", "2 min 5 s", "1 h 2 min".
std::string human_seconds(double seconds);
// With so many digits behind the point.
std::string fixed(double value, int decimals);
// With the noun in the plural unless there is one: "1 node". The plural ends in s.
std::string counted(int64_t count, std::string_view noun);

}  // namespace lapidary
