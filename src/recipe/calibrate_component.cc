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

using calibration::DataConfig;
using runtime::Prompt;

constexpr const char* kDecoder = "decoder";
constexpr const char* kEmbedding = "embedding/model.onnx";

Result<calibration::Method> method_of(const std::string& name) {
  if (name == "min_max") return calibration::Method::kMinMax;
  if (name == "percentile") return calibration::Method::kPercentile;
  if (name == "mse") return calibration::Method::kMse;
  return internal_error("calibration method", "'" + name + "' is not known");
}

}  // namespace

Calibrator::Calibrator(const Recipe& recipe, const checkpoint::Checkpoint& checkpoint,
                       std::filesystem::path staging, CalibratorOptions options)
    : recipe_(recipe),
      checkpoint_(checkpoint),
      staging_(std::move(staging)),
      options_(std::move(options)) {}

Result<std::vector<DataConfig>> Calibrator::configs(const std::string& name) const {
  if (!options_.files.empty()) {
    DataConfig config;
    config.name = "--calibration";
    config.files = options_.files;
    return std::vector<DataConfig>{std::move(config)};
  }
  std::vector<DataConfig> out;
  for (const DataConfig& each : recipe_.data_configs) {
    if (name.empty() || each.name == name) out.push_back(each);
  }
  if (!out.empty()) return out;
  const std::string remedy =
      "give texts (.txt) and chats (.jsonl) with --calibration FILE, or in the recipe's "
      "data_configs";
  if (name.empty()) {
    return bad_input(recipe_.where, "quantizes activations, and nothing is given to calibrate with",
                     remedy);
  }
  return bad_input(recipe_.where, "has no data_configs named '" + name + "'", remedy);
}

Result<std::vector<Prompt>> Calibrator::sequences(const std::string& name) const {
  LAP_ASSIGN_OR_RETURN(const auto data, configs(name));
  LAP_ASSIGN_OR_RETURN(const auto reader, calibration::DataReader::open(checkpoint_.dir));
  std::vector<Prompt> out;
  for (const DataConfig& config : data) {
    LAP_ASSIGN_OR_RETURN(std::vector<Prompt> some, reader.load(config));
    std::move(some.begin(), some.end(), std::back_inserter(out));
  }
  return out;
}

Status Calibrator::check_data() const {
  const auto found = sequences("");
  return found.ok() ? Status() : found.error();
}

Result<std::string> Calibrator::key() const {
  LAP_ASSIGN_OR_RETURN(const auto data, configs(""));
  checkpoint::Fingerprint print;
  for (const DataConfig& config : data) {
    print.add(config.name);
    print.add(std::to_string(static_cast<int>(config.strategy)));
    for (const int64_t number : {config.max_samples, config.max_seq_len,
                                 static_cast<int64_t>(config.add_special_tokens)}) {
      print.add(std::to_string(number));
    }
    for (const auto& file : config.files) {
      LAP_ASSIGN_OR_RETURN(const std::string hash, package::file_hash(file, {}));
      print.add(hash);
    }
  }
  return print.hex();
}

passes::PassContext Calibrator::context(const std::string& component) {
  return {[this, component](const passes::CalibrationRequest& request) {
    return calibrate(component, request);
  }};
}

Result<quant::Ranges> Calibrator::calibrate(const std::string& component,
                                            const passes::CalibrationRequest& request) {
  if (component != kDecoder) {
    return unsupported(component, "there is no calibration data for it",
                       "let OnnxStaticQuantization run on the decoder only (\"components\")");
  }
  LAP_ASSIGN_OR_RETURN(std::vector<Prompt> data, sequences(request.data_config));
  LAP_ASSIGN_OR_RETURN(
      ort::Session embedding,
      ort::Session::open(staging_ / kEmbedding, {.threads = 1, .spinning = false}));
  std::optional<package::StaticModel> model =
      static_model(recipe_, component, checkpoint_.config, {});
  if (!model) {
    return unsupported(component, "activations of a decoder for any length cannot be calibrated",
                       "let StaticLLM run before OnnxStaticQuantization");
  }
  const double masked = model->masked;
  LAP_ASSIGN_OR_RETURN(auto samples,
                       calibration::DecoderSamples::create(request.graph, std::move(embedding),
                                                           package::text_model(checkpoint_.config),
                                                           *std::move(model), std::move(data)));
  calibration::CollectorOptions collector;
  LAP_ASSIGN_OR_RETURN(collector.method, method_of(request.method));
  collector.percentile = request.percentile;
  collector.bits = request.bits;
  const calibration::RunOptions options{.threads = options_.threads,
                                        .scratch = staging_,
                                        .progress = options_.progress,
                                        .cancel = options_.cancel};
  LAP_ASSIGN_OR_RETURN(quant::Ranges found, calibration::calibrate(request.graph, request.values,
                                                                   samples, collector, options));
  LAP_RETURN_IF_ERROR(calibration::set_fixed_ranges(request.graph, masked, found));
  for (const auto& [value, range] : found.all()) {
    const quant::Range* other = ranges_.find(value);
    LAP_RETURN_IF_ERROR(
        ranges_.set(value, other == nullptr ? range : quant::united(*other, range)));
  }
  return found;
}

}  // namespace lapidary::recipe
