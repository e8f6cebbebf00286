// Cases of the audio encoder's goldens (tests/oracle/make_audio_encoder_goldens.py).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lapidary::golden {

struct AudioCase {
  std::string name;
  int64_t batch = 0, time = 0;
  std::vector<float> input_features;  // [batch, time, mel bins]
  std::vector<uint8_t> mask;          // [batch, time]
  std::vector<float> audio_features;  // [tokens, text hidden]
  int64_t tokens = 0;
};

// A hash of each value's index, mapped to [-6, 2): synthetic_features of the script.
std::vector<float> synthetic_features(size_t count);

// "tiny", "look_ahead", ...: where the checkpoint is, and its cases.
std::filesystem::path audio_checkpoint(const std::string& name);
std::vector<AudioCase> audio_cases(const std::string& name, int64_t mel_bins);

}  // namespace lapidary::golden
