#include "checkpoint/stored_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "checkpoint/test_files.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string one_byte_tensor(const std::string& name, char value) {
  return safetensors_bytes(R"({")" + name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                           std::string(1, value));
}

void write_shards(const TempDir& dir, const Json& index) {
  dir.write("model-00001-of-00002.safetensors", one_byte_tensor("a", 1));
  dir.write("model-00002-of-00002.safetensors", one_byte_tensor("b", 2));
  dir.write("model.safetensors.index.json", index);
}

Json valid_index() {
  return {{"metadata", {{"total_size", 2}}},
          {"weight_map",
           {{"a", "model-00001-of-00002.safetensors"}, {"b", "model-00002-of-00002.safetensors"}}}};
}

TEST(StoredTensorsTest, ReadsShards) {
  TempDir dir;
  write_shards(dir, valid_index());
  const auto stored = StoredTensors::open(dir.path());
  ASSERT_TRUE(stored.ok()) << stored.error().message();
  EXPECT_THAT(stored->names(), ElementsAre("a", "b"));
  EXPECT_EQ(stored->total_bytes(), 2);
  EXPECT_THAT(*stored->tensor("b")->to_integers(), ElementsAre(2));
  EXPECT_EQ(stored->file_of("b").filename(), "model-00002-of-00002.safetensors");
  const auto missing = stored->tensor("c");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr("tensor 'c' is missing"));
}

// Catches: a checkpoint refused for a sum that nothing depends on, or a note for one that is right.
TEST(StoredTensorsTest, AWrongTotalSizeIsNoted) {
  const auto notes = [](const Json& total) {
    TempDir dir;
    Json index = valid_index();
    index["metadata"]["total_size"] = total;
    write_shards(dir, index);
    const auto stored = StoredTensors::open(dir.path());
    EXPECT_TRUE(stored.ok()) << stored.error().message();
    return stored->notes();
  };
  EXPECT_THAT(notes(2), ElementsAre());
  EXPECT_THAT(notes(nullptr), ElementsAre());
  EXPECT_THAT(notes(3), ElementsAre(HasSubstr("'metadata.total_size' is 3, the shards hold 2")));
  EXPECT_THAT(notes("2"), ElementsAre(HasSubstr("'metadata.total_size' is \"2\"")));
}

TEST(StoredTensorsTest, SingleFileWinsOverIndex) {
  TempDir dir;
  write_shards(dir, valid_index());
  dir.write("model.safetensors", one_byte_tensor("single", 3));
  const auto stored = StoredTensors::open(dir.path());
  ASSERT_TRUE(stored.ok());
  EXPECT_THAT(stored->names(), ElementsAre("single"));
}

// Catches: a tensor's lifetime tied to the StoredTensors that made it.
TEST(StoredTensorsTest, TensorsOutliveWeights) {
  TempDir dir;
  tensor::Tensor kept;
  {
    write_shards(dir, valid_index());
    kept = *StoredTensors::open(dir.path())->tensor("a");
  }
  EXPECT_THAT(*kept.to_integers(), ElementsAre(1));
}

struct Damage {
  const char* name;
  std::function<void(const TempDir&, Json&)> apply;
  const char* message;
  const char* file;
};

// Catches: each mismatch of index and shards, and names that reach outside the directory.
TEST(StoredTensorsTest, RefusesDamagedShards) {
  const auto shard_name = [](const std::string& name) {
    return [name](const TempDir&, Json& index) { index["weight_map"]["a"] = name; };
  };
  const char* kIndexFile = "model.safetensors.index.json";
  const Damage damages[] = {
      {"missing shard",
       [](const TempDir& d, Json&) {
         std::filesystem::remove(d.path() / "model-00002-of-00002.safetensors");
       },
       "is missing", "model-00002-of-00002.safetensors"},
      {"truncated shard",
       [](const TempDir& d, Json&) {
         d.write("model-00002-of-00002.safetensors", std::string("1234567"));
       },
       "too short", "model-00002-of-00002.safetensors"},
      {"zero-length shard",
       [](const TempDir& d, Json&) { d.write("model-00001-of-00002.safetensors", std::string()); },
       "is 0 bytes", "model-00001-of-00002.safetensors"},
      {"tensor not in its shard",
       [](const TempDir&, Json& i) {
         i["weight_map"]["ghost"] = "model-00001-of-00002.safetensors";
       },
       "places tensor 'ghost' in model-00001-of-00002.safetensors", kIndexFile},
      {"tensor not in the index",
       [](const TempDir&, Json& i) {
         i["weight_map"].erase("b");
         i["weight_map"]["c"] = "model-00002-of-00002.safetensors";
       },
       "holds tensor 'b', which model.safetensors.index.json does not list",
       "model-00002-of-00002.safetensors"},
      {"tensor in the other shard",
       [](const TempDir& d, Json&) {
         d.write("model-00001-of-00002.safetensors", one_byte_tensor("b", 1));
       },
       "which model.safetensors.index.json places in", "model-00001-of-00002.safetensors"},
      {"metadata a list", [](const TempDir&, Json& i) { i["metadata"] = Json::array(); },
       "'metadata' must be an object", kIndexFile},
      {"no weight map", [](const TempDir&, Json& i) { i.erase("weight_map"); },
       "'weight_map' is missing", kIndexFile},
      {"empty weight map", [](const TempDir&, Json& i) { i["weight_map"] = Json::object(); },
       "'weight_map' is missing", kIndexFile},
      {"weight map a list", [](const TempDir&, Json& i) { i["weight_map"] = {"a"}; },
       "'weight_map' is missing", kIndexFile},
      {"index a list", [](const TempDir&, Json& i) { i = Json::array(); },
       "'weight_map' is missing", kIndexFile},
      {"shard name a number", [](const TempDir&, Json& i) { i["weight_map"]["a"] = 1; },
       "'weight_map.a' must be a file name", kIndexFile},
      {"parent directory", shard_name("../model.safetensors"), "'weight_map.a' is", kIndexFile},
      {"absolute path", shard_name("/etc/model.safetensors"), "'weight_map.a' is", kIndexFile},
      {"backslash", shard_name("..\\model.safetensors"), "'weight_map.a' is", kIndexFile},
      {"subdirectory", shard_name("x/model.safetensors"), "'weight_map.a' is", kIndexFile},
      {"other extension", shard_name("model.bin"), "'weight_map.a' is", kIndexFile},
      {"empty name", shard_name(""), "'weight_map.a' is", kIndexFile},
      {"extension only", shard_name(".safetensors"), "'weight_map.a' is", kIndexFile},
      {"zero byte", shard_name(std::string("a\0.safetensors", 14)), "'weight_map.a' is",
       kIndexFile},
  };
  for (const Damage& damage : damages) {
    TempDir dir;
    Json index = valid_index();
    write_shards(dir, index);
    damage.apply(dir, index);
    dir.write("model.safetensors.index.json", index);
    const auto stored = StoredTensors::open(dir.path());
    ASSERT_FALSE(stored.ok()) << damage.name;
    EXPECT_EQ(stored.error().kind, ErrorKind::kBadInput) << damage.name;
    EXPECT_THAT(stored.error().message(), HasSubstr(damage.message)) << damage.name;
    EXPECT_THAT(stored.error().message(), HasSubstr(damage.file)) << damage.name;
  }
}

TEST(StoredTensorsTest, NamesDirectoryWithoutWeights) {
  TempDir dir;
  const auto stored = StoredTensors::open(dir.path());
  ASSERT_FALSE(stored.ok());
  EXPECT_THAT(stored.error().message(), HasSubstr("has neither model.safetensors"));
}

// Catches: a fingerprint that misses a changed tensor, name or size; one that depends on the place.
TEST(StoredTensorsTest, SampleHashFollowsContent) {
  const auto hash = [](const std::string& file_name, const std::string& bytes) {
    TempDir dir;
    dir.write(file_name, bytes);
    return StoredTensors::open(dir.path())->sample_hash();
  };
  const std::string base = hash("model.safetensors", one_byte_tensor("a", 1));
  EXPECT_EQ(base.size(), 32u);
  EXPECT_EQ(base, hash("model.safetensors", one_byte_tensor("a", 1)));
  EXPECT_NE(base, hash("model.safetensors", one_byte_tensor("a", 2)));
  EXPECT_NE(base, hash("model.safetensors", one_byte_tensor("b", 1)));

  constexpr size_t kBig = 1 << 20;
  const std::string header = R"({"x":{"dtype":"U8","shape":[1048576],"data_offsets":[0,1048576]}})";
  const auto big = [&](size_t changed) {
    std::string data(kBig, '\0');
    data[changed] = 1;
    return hash("model.safetensors", safetensors_bytes(header, data));
  };
  EXPECT_NE(big(0), big(1));
  EXPECT_NE(big(0), big(kBig / 2));
  EXPECT_NE(big(0), big(kBig - 1));
}

// Catches a byte that the fingerprint of the content leaves out, and one that depends on what was
// read before, or on the place.
TEST(StoredTensorsTest, ContentHashCoversEveryByte) {
  const std::string header = R"({"x":{"dtype":"F32","shape":[512,128],"data_offsets":[0,262144]},)"
                             R"("y":{"dtype":"U8","shape":[3],"data_offsets":[262144,262147]}})";
  const auto hash = [&](size_t changed, bool read, const std::string& head) {
    std::string data(262147, '\0');
    data[changed] = 1;
    const TempDir dir;
    dir.write("model.safetensors", safetensors_bytes(head, data));
    const auto stored = StoredTensors::open(dir.path());
    if (read) {
      EXPECT_TRUE(stored->tensor("x")->to_floats().ok());
    }
    EXPECT_EQ(stored->names_read(),
              read ? std::vector<std::string>{"x"} : std::vector<std::string>{});
    return stored->content_hash({.threads = 2}).value();
  };
  const std::string base = hash(0, false, header);
  EXPECT_EQ(base.size(), 32u);
  EXPECT_EQ(hash(0, true, header), base);
  // Between what sample_hash() looks at as well.
  for (const size_t at : {1, 5000, 70'001, 200'000, 262'143, 262'144, 262'146}) {
    EXPECT_NE(hash(at, false, header), base) << at;
    EXPECT_EQ(hash(at, true, header), hash(at, false, header)) << at;
  }
  std::string renamed = header;
  renamed.replace(renamed.find("\"y\""), 3, "\"z\"");
  EXPECT_NE(hash(0, false, renamed), base);
}

TEST(StoredTensorsTest, TensorHashesAreOfSingleTensors) {
  const TempDir dir;
  write_shards(dir, valid_index());
  const auto stored = StoredTensors::open(dir.path());
  ASSERT_TRUE(stored.ok());
  const auto both = stored->tensor_hashes({"a", "b"}, {}).value();
  EXPECT_EQ(both.size(), 2u);
  EXPECT_NE(both.at("a"), both.at("b"));
  EXPECT_EQ(stored->tensor_hashes({"b"}, {}).value().at("b"), both.at("b"));
  EXPECT_THAT(stored->tensor_hashes({"a", "c"}, {}).error().message(), HasSubstr("'c' is missing"));
}

}  // namespace
}  // namespace lapidary::checkpoint
