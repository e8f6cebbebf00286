// Numbers in words for people.
//
//   human_bytes(1400000000)   // "1.4 GB"
//   human_seconds(83.2)       // "1 min 23 s"
//   fixed(0.12345, 2)         // "0.12"
#pragma once

#include <cstdint>
#include <string>

namespace lapidary {

// "1.4 GB", "12.0 MB", "512 B": powers of 1000.
std::string human_bytes(uint64_t bytes);
// "3.1 s", "2 min 5 s", "1 h 2 min".
std::string human_seconds(double seconds);
// With so many digits behind the point.
std::string fixed(double value, int decimals);

}  // namespace lapidary
