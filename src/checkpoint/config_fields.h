// Helpers shared by the typed readers of config.json's sections.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/json.h"

namespace lapidary::checkpoint {

// Bounds that keep every shape product far below 2^63 and every loop over layers short.
inline constexpr IntegerRange kDim = {.min = 1, .max = 1 << 20};
inline constexpr IntegerRange kLayerCount = {.min = 1, .max = 4096};
inline constexpr IntegerRange kVocabulary = {.min = 1, .max = 1 << 26};
inline constexpr IntegerRange kTokenId = {.min = 0, .max = (1 << 26) - 1};

// Which keys count is decided by what transformers 5.24 reads, for trainers and uploaders leave
// keys of their own: what it reads is followed or refused, value by value; the rest is passed over,
// and noted. Marked as known here, so that they are no news, are the keys that the base class of
// every Hugging Face config writes and that change nothing about the numbers of a forward pass:
// bookkeeping, fine-tuning labels, and the generation parameters that old versions stored here
// (generation_config.json is where they count).
// A `quantization_config` is refused unless it is one that compressed_tensors.h takes: the weights
// would not be what their names say.
void accept_common_keys(JsonReader& reader);

// Records an error for each key that is present with the value null. The typed reads take null as
// "absent", which is right for optional fields only.
void refuse_null(JsonReader& reader, std::initializer_list<const char*> keys);

// Reads a string that must be `supported` (also the default); another value is named as
// unsupported.
void expect_string(JsonReader& reader, const std::string& key, const std::string& supported);
// Reads a boolean (default false) that must be false; `feature` says in words what true asks for.
void expect_false(JsonReader& reader, const std::string& key, const std::string& feature);
// Refuses `value` unless it is a multiple of `divisor`.
void expect_multiple(JsonReader& reader, const std::string& key, int64_t value, int64_t divisor,
                     const std::string& of_what);

// A number that must be greater than zero, and finite in float32: the graphs and front ends round
// it to that.
double positive(JsonReader& reader, const std::string& key, double fallback,
                NumberRange range = kFloat32Range);

// `int | None` with a default: absent gives the default, null gives nothing.
std::optional<int64_t> nullable_token(JsonReader& reader, const std::string& key,
                                      std::optional<int64_t> fallback);
// `int | list[int] | None`, the same.
std::vector<int64_t> token_list(JsonReader& reader, const std::string& key,
                                std::vector<int64_t> fallback);

// `dtype` (or `torch_dtype`, its old name): the dtype that the weights were saved in.
std::optional<DType> read_dtype(JsonReader& reader);

// Refuses each of these keys that is set: the reference reads it, and nothing here follows it. A
// value of null, false or {} asks for nothing.
void refuse_unfollowed(JsonReader& reader, std::initializer_list<const char*> keys);

// "'a', 'b.c' and 3 more": keys or tokens of a file for people, on one line, however many and long.
std::string quoted_names(const std::vector<std::string>& names);
// What `document` was read without, in a sentence that names its file; none when nothing was passed
// over.
void note_passed_over(const JsonDocument& document, const std::filesystem::path& file,
                      std::vector<std::string>& notes);

}  // namespace lapidary::checkpoint
