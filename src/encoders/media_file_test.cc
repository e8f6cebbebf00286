// What becomes of a media file; the numbers are in src/media and tests/e2e.
#include "encoders/media_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/source_dir.h"

namespace lapidary::encoders {
namespace {

const std::filesystem::path kSamples = source_dir() / "models/tiny-gemma4/samples";

// Catches a file of 1 GiB that is hashed, or an hour of sound that is decoded, to its end after
// Ctrl-C.
TEST(MediaFile, CanBeEnded) {
  CancelToken cancel;
  const auto clip = [&] {
    MediaTimings unused;
    return load_clip(kSamples / "audio0.wav", {}, true, unused, &cancel);
  };
  ASSERT_TRUE(content_hash(kSamples / "audio0.wav", &cancel).ok());
  ASSERT_TRUE(clip().ok()) << clip().error().message();
  cancel.cancel();
  const auto hash = content_hash(kSamples / "audio0.wav", &cancel);
  ASSERT_FALSE(hash.ok());
  EXPECT_EQ(hash.error().kind, ErrorKind::kCancelled);
  const auto ended = clip();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace lapidary::encoders
