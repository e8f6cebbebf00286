#include "report/modalities.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/text.h"
#include "contract/component.h"
#include "report/claims_text.h"
#include "report/table.h"

namespace lapidary::report {
namespace {

using package::ContextModel;
using package::Manifest;
using package::Package;

struct Binaries {
  size_t count = 0;
  uint64_t bytes = 0;
};

struct Claimed {
  size_t nodes = 0;
  std::map<htp::NodeClaim::Place, size_t> places;
  double percent_on_htp = 100;  // the lowest of its graphs
};

struct Member {
  std::string name;
  std::string lengths;                 // for people
  std::optional<int64_t> soft_tokens;  // of an encoder of fixed length
  bool plain = false;                  // its ONNX is there: it runs on the CPU
  Binaries device, emulated;
  std::optional<Claimed> claimed;
};

struct Modality {
  const char* name;
  std::string description;
  std::vector<Member> members;
};

std::string text_model_text(const package::TextModel& text) {
  size_t sliding = 0;
  for (const package::CacheSpec& cache : text.caches) sliding += cache.sliding ? 1 : 0;
  return fmt::format(
      "vocabulary {}, hidden {}, up to {} positions, {} ({} of the last {} positions)",
      text.vocab_size, text.hidden_size, text.max_positions,
      counted(static_cast<int64_t>(text.caches.size()), "key/value cache"), sliding,
      text.sliding_window);
}

// "image 19", "video none".
std::string token_text(const char* role, int64_t id) {
  return id < 0 ? fmt::format("{} none", role) : fmt::format("{} {}", role, id);
}

std::string vision_text(const Manifest& manifest) {
  const package::VisionModel& vision = *manifest.vision;
  const bool both_ways = manifest.text.vision_bidirectional_attention;
  return fmt::format("tokens {}, {}, {}, {}{}", token_text("image", vision.image_token_id),
                     token_text("video", vision.video_token_id),
                     token_text("begin", vision.boi_token_id),
                     token_text("end", vision.eoi_token_id),
                     both_ways ? "; an image attends to itself both ways" : "");
}

std::string audio_text(const package::AudioModel& audio) {
  return fmt::format("tokens {}, {}, {}", token_text("audio", audio.audio_token_id),
                     token_text("begin", audio.boa_token_id),
                     token_text("end", audio.eoa_token_id));
}

Binaries binaries_of(const Manifest& manifest, const std::vector<ContextModel>& contexts,
                     const std::string& component) {
  std::set<std::string> files;
  for (const ContextModel& context : contexts) {
    if (context.component == component) files.insert(context.binary);
  }
  Binaries out{files.size(), 0};
  for (const package::FileRecord& file : manifest.files) {
    if (files.contains(file.path)) out.bytes += file.size;
  }
  return out;
}

Result<std::optional<Claimed>> claimed_of(const Package& package, const std::string& component) {
  const std::string file = component + "/claims.json";
  if (!package.manifest.lists(file)) return std::optional<Claimed>();
  LAP_ASSIGN_OR_RETURN(const Json json, load_json(package.path(file)));
  LAP_ASSIGN_OR_RETURN(const htp::ClaimsReport report,
                       htp::read_claims_report(json, package.path(file).string()));
  Claimed out;
  for (const htp::ReportedGraph& graph : report.graphs) {
    out.nodes += graph.claims.nodes.size();
    for (const htp::NodeClaim& node : graph.claims.nodes) ++out.places[node.place];
    out.percent_on_htp = std::min(out.percent_on_htp, graph.claims.percent_on_htp());
  }
  return std::optional(std::move(out));
}

Result<Member> member(const Package& package, const std::string& name, std::string lengths,
                      const std::optional<package::FixedEncoder>& encoder) {
  const Manifest& manifest = package.manifest;
  Member out;
  out.name = name;
  out.lengths = std::move(lengths);
  if (encoder) out.soft_tokens = encoder->soft_tokens;
  out.plain = std::all_of(manifest.components.begin(), manifest.components.end(),
                          [&](const package::GraphRecord& graph) {
                            return graph.name != name || manifest.lists(graph.file);
                          });
  if (manifest.htp) {
    out.device = binaries_of(manifest, manifest.htp->device, name);
    out.emulated = binaries_of(manifest, manifest.htp->emulated, name);
  }
  LAP_ASSIGN_OR_RETURN(out.claimed, claimed_of(package, name));
  return out;
}

std::string decoder_lengths(const Manifest& manifest) {
  if (!manifest.fixed_model) return "any";
  return fmt::format("{} positions, chunks of {}", manifest.fixed_model->context_length,
                     manifest.fixed_model->prefill_length);
}

std::string encoder_lengths(const std::optional<package::FixedEncoder>& encoder,
                            int64_t inputs_per_token, const char* inputs) {
  if (!encoder) return "any";
  return fmt::format("{} soft tokens of {} {}", encoder->soft_tokens, inputs_per_token, inputs);
}

Result<std::vector<Modality>> modalities(const Package& package) {
  const Manifest& manifest = package.manifest;
  std::vector<Modality> out;
  Modality text{"text", text_model_text(manifest.text), {}};
  for (const auto component : {contract::Component::kEmbedding, contract::Component::kDecoder}) {
    const char* const name = name_of(component);
    const bool decoder = component == contract::Component::kDecoder;
    LAP_ASSIGN_OR_RETURN(
        Member each,
        member(package, name, decoder ? decoder_lengths(manifest) : "any", std::nullopt));
    text.members.push_back(std::move(each));
  }
  out.push_back(std::move(text));
  if (manifest.vision) {
    const int64_t side = manifest.vision->pooling_kernel_size;
    const auto& encoder = manifest.vision->fixed_encoder;
    LAP_ASSIGN_OR_RETURN(Member each,
                         member(package, name_of(contract::Component::kVisionEncoder),
                                encoder_lengths(encoder, side * side, "patches"), encoder));
    out.push_back({"images", vision_text(manifest), {std::move(each)}});
  }
  if (manifest.audio) {
    const auto& encoder = manifest.audio->fixed_encoder;
    LAP_ASSIGN_OR_RETURN(Member each, member(package, name_of(contract::Component::kAudioEncoder),
                                             encoder_lengths(encoder, 4, "frames"), encoder));
    out.push_back({"sound", audio_text(*manifest.audio), {std::move(each)}});
  }
  return out;
}

std::string places_text(const Manifest& manifest, const Member& member) {
  std::vector<std::string> places;
  if (member.plain) places.emplace_back("CPU");
  if (member.device.count + member.emulated.count > 0) {
    places.push_back("HTP " + manifest.htp->arch);
  }
  return fmt::format("{}", fmt::join(places, ", "));
}

std::string binaries_text(const Binaries& binaries) {
  if (binaries.count == 0) return "";
  return fmt::format("{} in {}", human_bytes(binaries.bytes), binaries.count);
}

std::string claimed_text(const std::optional<Claimed>& claimed) {
  if (!claimed) return "";
  const auto cpu = claimed->places.find(htp::NodeClaim::Place::kCpu);
  return fmt::format("{} of {} nodes, {} on the CPU", percent_text(claimed->percent_on_htp),
                     claimed->nodes, cpu == claimed->places.end() ? 0 : cpu->second);
}

std::string measured_text(const Manifest& manifest) {
  std::string out;
  if (!manifest.calibration.empty()) {
    Table table({"calibrated", "samples", "images", "clips", "digest"});
    for (const package::Calibration& each : manifest.calibration) {
      table.row({each.component, std::to_string(each.samples), std::to_string(each.images),
                 std::to_string(each.clips), each.digest});
    }
    out += "\n" + table.text();
  }
  if (!manifest.agreement.empty()) {
    Table table({"against float32", "samples", "lowest cosine", "mean cosine", "difference"});
    for (const package::Agreement& each : manifest.agreement) {
      table.row({each.component + " " + each.output, std::to_string(each.samples),
                 fixed(each.min_cosine, 6), fixed(each.mean_cosine, 6),
                 fixed(each.max_difference, 4)});
    }
    out += "\n" + table.text();
  }
  if (!manifest.quality.empty()) {
    Table table({"quality", "value", "of", "on", "data"});
    for (const package::QualityFigure& each : manifest.quality) {
      table.row(
          {each.measure, fixed(each.value, 6), std::to_string(each.count), each.device, each.data});
    }
    out += "\n" + table.text();
  }
  return out;
}

Json to_json(const Binaries& binaries, const std::string& arch) {
  return {{"binaries", binaries.count}, {"bytes", binaries.bytes}, {"arch", arch}};
}

Json to_json(const Manifest& manifest, const Member& member) {
  Json out = {{"name", member.name}};
  if (member.soft_tokens) out["soft_tokens"] = *member.soft_tokens;
  out["on_cpu"] = member.plain;
  if (member.device.count > 0) {
    out["contexts"]["device"] = to_json(member.device, manifest.htp->arch);
  }
  if (member.emulated.count > 0) {
    out["contexts"]["emulated"] = to_json(member.emulated, manifest.htp->arch);
  }
  if (member.claimed) {
    Json claims = {{"nodes", member.claimed->nodes}};
    for (const auto place : {htp::NodeClaim::Place::kHtp, htp::NodeClaim::Place::kFolded,
                             htp::NodeClaim::Place::kMerged, htp::NodeClaim::Place::kCpu}) {
      const auto at = member.claimed->places.find(place);
      claims[std::string(htp::name_of(place))] =
          at == member.claimed->places.end() ? 0 : at->second;
    }
    claims["percent_on_htp"] = member.claimed->percent_on_htp;
    out["claims"] = std::move(claims);
  }
  return out;
}

}  // namespace

Result<std::string> modalities_text(const Package& package) {
  LAP_ASSIGN_OR_RETURN(const std::vector<Modality> list, modalities(package));
  std::string out;
  for (const Modality& modality : list) {
    out += fmt::format("\n{}: {}\n", modality.name, modality.description);
    Table table({"  component", "lengths", "runs on", "device", "emulated", "on the HTP"});
    for (const Member& each : modality.members) {
      table.row({"  " + each.name, each.lengths, places_text(package.manifest, each),
                 binaries_text(each.device), binaries_text(each.emulated),
                 claimed_text(each.claimed)});
    }
    out += table.text();
  }
  return out + measured_text(package.manifest);
}

Result<Json> modalities_json(const Package& package) {
  LAP_ASSIGN_OR_RETURN(const std::vector<Modality> list, modalities(package));
  Json out = Json::object();
  for (const Modality& modality : list) {
    Json components = Json::array();
    for (const Member& each : modality.members) {
      components.push_back(to_json(package.manifest, each));
    }
    out[modality.name] = {{"components", std::move(components)}};
  }
  return out;
}

}  // namespace lapidary::report
