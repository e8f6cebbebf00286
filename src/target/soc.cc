#include "target/soc.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace lapidary::target {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

constexpr std::array kArchs = {Arch::kV73, Arch::kV75, Arch::kV79, Arch::kV81};

constexpr std::array kSocs = {
    Soc{"SC8380XP", 60, Arch::kV73, 8 * kMiB},  Soc{"SM8550", 43, Arch::kV73, 8 * kMiB},
    Soc{"SA8255", 52, Arch::kV73, 8 * kMiB},    Soc{"QCS8550", 66, Arch::kV73, 8 * kMiB},
    Soc{"QCS9100", 77, Arch::kV73, 8 * kMiB},   Soc{"IQX5121", 119, Arch::kV73, 8 * kMiB},
    Soc{"SC8340XP", 120, Arch::kV73, 8 * kMiB},

    Soc{"SM8650", 57, Arch::kV75, 8 * kMiB},    Soc{"SA8620P", 67, Arch::kV75, 8 * kMiB},
    Soc{"QCS8300", 82, Arch::kV75, 8 * kMiB},   Soc{"QCS8625", 90, Arch::kV75, 8 * kMiB},

    Soc{"SM8750", 69, Arch::kV79, 8 * kMiB},    Soc{"SXR2330P", 75, Arch::kV79, 8 * kMiB},
    Soc{"CQ8725S", 104, Arch::kV79, 8 * kMiB},  Soc{"CQ8750S", 105, Arch::kV79, 8 * kMiB},

    Soc{"SM8850", 87, Arch::kV81, 8 * kMiB},    Soc{"SA8797", 72, Arch::kV81, 16 * kMiB},
    Soc{"SC8480XP", 88, Arch::kV81, 8 * kMiB},  Soc{"SM8850L", 92, Arch::kV81, 8 * kMiB},
    Soc{"SC8440XP", 94, Arch::kV81, 8 * kMiB},  Soc{"SM8845", 97, Arch::kV81, 8 * kMiB},
    Soc{"QCS8845", 109, Arch::kV81, 8 * kMiB},  Soc{"QMX115", 115, Arch::kV81, 2 * kMiB},
    Soc{"IPQ9650", 117, Arch::kV81, 2 * kMiB},  Soc{"SM7950", 123, Arch::kV81, 4 * kMiB},
};

// "Linux": the names of the kernel's drivers/soc/qcom/socinfo.c, which are those of
// include/dt-bindings/arm/qcom,ids.h, here only of chips that a table of soc models knows.
// "LiteRT": google-ai-edge/LiteRT, litert/vendors/qualcomm/core/schema/soc_table.h (by its word
// taken from QAIRT 2.47's documentation), which gives both names one soc model. Linux writes
// automotive names with a P that QAIRT leaves out.
constexpr std::array kAliases = {
    SocAlias{"QCS9075", "QCS9100", "Linux id 676; LiteRT: soc model 77, as QCS9100"},
    SocAlias{"QCS8275", "QCS8300", "Linux id 675; LiteRT: soc model 82, as QCS8300"},
    SocAlias{"SA8255P", "SA8255", "Linux id 532; LiteRT: SA8255, soc model 52"},
    SocAlias{"SA8775P", "SA8255", "Linux id 534; LiteRT: SA8775, soc model 52, as SA8255"},
    SocAlias{"SA8797P", "SA8797", "Linux id 690; LiteRT: SA8797, soc model 72"},
    SocAlias{"SM8845P", "SM8845", "LiteRT: soc model 97, as SM8845"},
    SocAlias{"X1E80100", "SC8380XP",
             "Linux id 555, whose device tree is hamoa; onnxruntime-qnn's "
             "table calls soc model 60 Hamoa"},
};

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string known_archs() {
  std::vector<std::string> names;
  names.reserve(kArchs.size());
  for (const Arch arch : kArchs) names.push_back(name_of(arch));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string known_socs() {
  std::vector<std::string_view> names;
  names.reserve(kSocs.size());
  for (const Soc& soc : kSocs) names.emplace_back(soc.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<Arch> find_arch(const std::string& flag) {
  const std::string wanted = upper(flag);
  for (const Arch arch : kArchs) {
    const std::string name = upper(name_of(arch));
    if (wanted == name || wanted == name.substr(1)) return arch;
  }
  return bad_input(fmt::format("arch '{}'", flag), "is not known",
                   "those known are " + known_archs());
}

Result<const Soc*> find_soc(const std::string& flag) {
  std::string wanted = upper(flag);
  for (const SocAlias& alias : kAliases) {
    if (wanted == alias.name) wanted = alias.soc;
  }
  for (const Soc& soc : kSocs) {
    if (wanted == soc.name || wanted == std::to_string(soc.model)) return &soc;
  }
  return bad_input(
      fmt::format("SoC '{}'", flag), "is not known",
      fmt::format("those known are {}; `lapidary targets` shows their numbers", known_socs()));
}

}  // namespace

std::span<const Arch> archs() { return kArchs; }
std::span<const Soc> socs() { return kSocs; }
std::span<const SocAlias> soc_aliases() { return kAliases; }

std::string name_of(Arch arch) { return fmt::format("v{}", static_cast<int>(arch)); }

const Soc& representative(Arch arch) {
  return *std::find_if(kSocs.begin(), kSocs.end(),
                       [arch](const Soc& soc) { return soc.arch == arch; });
}

std::string name_of(const Target& at) {
  return fmt::format("{} ({})", name_of(at.arch), at.soc->name);
}

Result<Target> resolve(const std::string& arch, const std::string& soc) {
  if (arch.empty() && soc.empty()) {
    return bad_input(
        "target", "neither an arch nor a SoC is named",
        fmt::format("give one of {}, or a SoC such as {}", known_archs(), kSocs[0].name));
  }
  if (soc.empty()) {
    LAP_ASSIGN_OR_RETURN(const Arch wanted, find_arch(arch));
    return Target{wanted, &representative(wanted)};
  }
  LAP_ASSIGN_OR_RETURN(const Soc* const chip, find_soc(soc));
  if (!arch.empty()) {
    LAP_ASSIGN_OR_RETURN(const Arch wanted, find_arch(arch));
    if (wanted != chip->arch) {
      return bad_input(
          fmt::format("arch '{}'", arch),
          fmt::format("contradicts SoC {}, which is {}", chip->name, name_of(chip->arch)),
          "leave one of the two out");
    }
  }
  return Target{chip->arch, chip};
}

}  // namespace lapidary::target
