#include "audio_goldens.h"

#include "base/testing/source_dir.h"
#include "checkpoint/safetensors.h"
#include "golden_check.h"

namespace lapidary::golden {
namespace {

using checkpoint::SafetensorsFile;
using checkpoint::TensorEntry;

std::filesystem::path goldens_of(const std::string& name) {
  return source_dir() / "tests/golden/audio_encoder" / name;
}

AudioCase read_case(const SafetensorsFile& file, const std::string& name, int64_t mel_bins) {
  const auto tensor = [&](const std::string& part) { return file.find(name + "." + part); };
  const auto integers = [&](const std::string& part) {
    return take(file.tensor(*tensor(part)).to_integers());
  };
  AudioCase one;
  one.name = name;
  one.time = integers("time").front();
  const std::vector<int64_t> lengths = integers("lengths");
  one.batch = static_cast<int64_t>(lengths.size());
  for (const int64_t length : lengths) {
    for (int64_t t = 0; t < one.time; ++t) one.mask.push_back(t < length ? 1 : 0);
  }
  const TensorEntry* features = tensor("input_features");
  one.input_features =
      features != nullptr
          ? take(file.tensor(*features).to_floats())
          : synthetic_features(static_cast<size_t>(one.batch * one.time * mel_bins));
  one.audio_features = take(file.tensor(*tensor("audio_features")).to_floats());
  one.tokens = tensor("audio_features")->type.shape.front();
  return one;
}

}  // namespace

std::vector<float> synthetic_features(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    uint64_t hash = i * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 29U;
    hash *= 0xBF58476D1CE4E5B9U;
    values[i] = static_cast<float>(hash >> 48U) / 8192.0F - 6.0F;
  }
  return values;
}

std::filesystem::path audio_checkpoint(const std::string& name) {
  if (name != "tiny") return goldens_of(name);
  return source_dir() / "models/tiny-gemma4/checkpoint";
}

std::vector<AudioCase> audio_cases(const std::string& name, int64_t mel_bins) {
  const auto file = take(SafetensorsFile::open(goldens_of(name) / "goldens.safetensors"));
  std::vector<AudioCase> cases;
  const std::string suffix = ".lengths";
  for (const TensorEntry& entry : file->entries()) {
    if (!entry.name.ends_with(suffix)) continue;
    const std::string one = entry.name.substr(0, entry.name.size() - suffix.size());
    cases.push_back(read_case(*file, one, mel_bins));
  }
  return cases;
}

}  // namespace lapidary::golden
