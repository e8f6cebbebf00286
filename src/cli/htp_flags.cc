#include "cli/htp_flags.h"

namespace lapidary::cli {
namespace {

constexpr const char* kGroup = "HTP";  // of the help text

}  // namespace

void ChipFlags::add_to(Command command) {
  command.add_option("--arch", arch, "Hexagon arch to compile for: v73, v75, v79, v81")
      .in_group(kGroup);
  command.add_option("--soc", soc, "Chip to compile for: SM8850, or QNN's number of it, 87")
      .in_group(kGroup);
}

Result<std::optional<target::Target>> ChipFlags::resolve() const {
  std::optional<target::Target> out;
  if (arch.empty() && soc.empty()) return out;
  LAP_ASSIGN_OR_RETURN(out, target::resolve(arch, soc));
  return out;
}

void HtpFlags::add_to(Command command) {
  chip.add_to(command);
  command
      .add_option("--qnn-libs", qnn_libs,
                  "Folder of the QNN libraries (else LAPIDARY_QNN_LIBS, else the program's own)")
      .in_group(kGroup);
  command
      .add_option("--allow-cpu", allow_cpu,
                  "Nodes that may run on the CPU, as a glob (repeatable); any other is an error")
      .repeatable()
      .in_group(kGroup);
  command
      .add_option("--compile-memory", memory_gib,
                  "Most memory of the compiler in GiB (default: no limit)")
      .not_negative()
      .in_group(kGroup);
  command.add_option("--compile-seconds", seconds, "Most time of one compile")
      .positive()
      .show_default()
      .in_group(kGroup);
  cache.add_to(command, kGroup);
  command
      .add_flag("--no-probe", no_probe,
                "Do not run each distinct node alone on the emulated HTP first")
      .in_group(kGroup);
}

Result<build::HtpOptions> HtpFlags::resolve(bool compiles) const {
  build::HtpOptions out;
  LAP_ASSIGN_OR_RETURN(out.chip, chip.resolve());
  out.qnn_libs = qnn_libs;
  out.allow_cpu = allow_cpu;
  out.memory_bytes = static_cast<int64_t>(memory_gib * 1024 * 1024 * 1024);
  out.seconds = seconds;
  out.probe = !no_probe;
  if (compiles) {
    LAP_ASSIGN_OR_RETURN(const CacheChoice chosen, cache.resolve());
    out.cache = chosen.folder;
    out.cache_bytes = chosen.most_bytes;
  }
  return out;
}

}  // namespace lapidary::cli
