#include "checkpoint/fingerprint.h"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <fmt/core.h>
#include <xxhash.h>

#include <cstdint>

namespace lapidary::checkpoint {

struct Fingerprint::State {
  XXH3_state_t xxh;
};

Fingerprint::Fingerprint() : state_(std::make_unique<State>()) {
  XXH3_INITSTATE(&state_->xxh);
  XXH3_128bits_reset(&state_->xxh);
}

Fingerprint::~Fingerprint() = default;

void Fingerprint::add(std::span<const std::byte> bytes) {
  const uint64_t size = bytes.size();
  XXH3_128bits_update(&state_->xxh, &size, sizeof size);
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void Fingerprint::add(std::string_view text) { add(std::as_bytes(std::span(text))); }

std::string Fingerprint::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace lapidary::checkpoint
