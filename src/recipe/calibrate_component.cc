#include "recipe/calibrate_component.h"

#include <utility>

#include "calibration/calibrate.h"
#include "calibration/data.h"
#include "calibration/decoder_samples.h"
#include "checkpoint/fingerprint.h"
#include "package/file_hash.h"
#include "package/text_model.h"
#include "recipe/static_model.h"

namespace lapidary::recipe {
namespace {

constexpr const char* kDecoder = "decoder";

}  // namespace

Calibrator::Calibrator(const Recipe& recipe, const checkpoint::Checkpoint& checkpoint,
                       std::filesystem::path staging, CalibratorOptions options)
    : recipe_(recipe),
      checkpoint_(checkpoint),
      staging_(std::move(staging)),
      options_(std::move(options)) {}

}  // namespace lapidary::recipe
