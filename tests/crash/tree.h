// The content of a folder, to be kept, compared and written again.
//
//   const Tree before = read_tree("out");
//   EXPECT_EQ(difference(part(before, {"P"}), part(read_tree("out"), {"P"})), "");
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lapidary::crash {

// By path relative to the folder: a file's bytes; "" for a folder, whose path ends in '/'; a link's
// target behind kLinkMark.
using Tree = std::map<std::string, std::string>;
inline constexpr const char* kLinkMark = "link to ";

// Throws std::filesystem::filesystem_error.
Tree read_tree(const std::filesystem::path& folder);
// Into an existing folder that has none of it.
void write_tree(const Tree& tree, const std::filesystem::path& folder);
// The files `names` and what is in the folders `names`.
Tree part(const Tree& tree, const std::vector<std::string>& names);
// What comes first of what differs, in words; "" when nothing does.
std::string difference(const Tree& expected, const Tree& found);

}  // namespace lapidary::crash
