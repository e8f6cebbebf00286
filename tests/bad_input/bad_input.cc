#include "bad_input/bad_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace lapidary::refusals {

namespace fs = std::filesystem;

void Scratch::add_checkpoint() {
  fs::create_directories(at("checkpoint"));
  for (const auto& file : fs::directory_iterator(checkpoint::tiny_checkpoint())) {
    const fs::path target = fs::path(at("checkpoint")) / file.path().filename();
    if (file.path().extension() == ".safetensors") {
      fs::create_symlink(file.path(), target);
    } else {
      fs::copy_file(file.path(), target);
    }
  }
}

void Scratch::add_package() {
  fs::copy(e2e::package("cpu-int4"), at("package"), fs::copy_options::recursive);
}

void Scratch::write(const std::string& name, const std::string& content) {
  fs::remove(at(name));  // never write through a link into the source tree
  fs::create_directories(fs::path(at(name)).parent_path());
  std::ofstream(at(name), std::ios::binary) << content;
}

void Scratch::remove(const std::string& name) {
  ASSERT_GT(fs::remove_all(at(name)), 0u) << name << " was not there";
}

void Scratch::truncate(const std::string& name, size_t bytes) {
  const std::string content = read(name);
  ASSERT_LT(bytes, content.size());
  write(name, content.substr(0, bytes));
}

void Scratch::replace(const std::string& name, const std::string& from, const std::string& to) {
  std::string content = read(name);
  const size_t position = content.find(from);
  ASSERT_NE(position, std::string::npos) << from;
  write(name, content.replace(position, from.size(), to));
}

void Scratch::edit_json(const std::string& name, const std::function<void(Json&)>& edit) {
  Json json = Json::parse(read(name));
  edit(json);
  write(name, json.dump());
}

void Scratch::edit_header(const std::string& name, const std::function<void(Json&)>& edit) {
  const std::string content = read(name);
  size_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= size_t{static_cast<uint8_t>(content[i])} << (8 * i);
  Json header = Json::parse(content.substr(8, length));
  edit(header);
  write(name, checkpoint::safetensors_bytes(header.dump(), content.substr(8 + length)));
}

std::vector<std::string> Scratch::listing() const {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
    out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void Scratch::expect_refused(const std::vector<std::string>& arguments,
                             const std::vector<std::string>& parts, const ChildOptions& options,
                             int64_t most_resident_bytes) const {
  const std::vector<std::string> before = listing();
  const Outcome outcome = lapidary(arguments, options);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_THAT(outcome.err, ::testing::StartsWith("lapidary: error: "));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  for (const std::string& part : parts) EXPECT_THAT(outcome.err, ::testing::HasSubstr(part));
  if (most_resident_bytes > 0) {
    EXPECT_LT(outcome.resident_bytes, most_resident_bytes);
  }
  EXPECT_EQ(listing(), before);
}

}  // namespace lapidary::refusals
