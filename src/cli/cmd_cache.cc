// lapidary cache [show|prune|clear]: what is kept from build to build.
#include <fmt/chrono.h>
#include <fmt/core.h>

#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "base/cache_folder.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cache_flags.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "report/table.h"

namespace lapidary::cli {
namespace {

struct CacheCommandFlags {
  std::string action = "show";
  std::string folder;
  std::string max_size;
  bool entries = false;
  bool json = false;
};

// "2026-11-30T22:32:24Z"
std::string time_text(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

Json cache_json(const CacheChoice& choice, const CacheListing& listing) {
  Json entries = Json::array();
  for (const CachedEntry& entry : listing.entries) {
    entries.push_back({{"kind", name_of(entry.kind)},
                       {"key", entry.key},
                       {"bytes", entry.bytes},
                       {"last_used", time_text(entry.used)},
                       {"busy", entry.busy}});
  }
  return {{"folder", choice.folder.string()}, {"max_bytes", choice.most_bytes},
          {"bytes", listing.bytes()},         {"entries", std::move(entries)},
          {"leftovers", listing.leftovers},   {"strangers", listing.strangers},
          {"unread", listing.unread.size()}};
}

std::string kinds_text(const CacheListing& listing) {
  report::Table table({"kind", "entries", "bytes", "last used"});
  for (const CacheKind kind : kCacheKinds) {
    CacheListing of;
    for (const CachedEntry& entry : listing.entries) {
      if (entry.kind == kind) of.entries.push_back(entry);
    }
    table.row({name_of(kind), std::to_string(of.entries.size()), human_bytes(of.bytes()),
               of.entries.empty() ? "" : time_text(of.entries.back().used)});
  }
  return table.text();
}

std::string entries_text(const CacheListing& listing) {
  report::Table table({"kind", "key", "bytes", "last used"});
  for (const CachedEntry& entry : listing.entries) {
    table.row({name_of(entry.kind), entry.key, human_bytes(entry.bytes),
               time_text(entry.used) + (entry.busy ? " (in use)" : "")});
  }
  return table.text();
}

std::string show_text(const CacheChoice& choice, const CacheListing& listing, bool entries) {
  std::string text = fmt::format("{}: {} of at most {}\n", choice.folder.string(),
                                 human_bytes(listing.bytes()), human_bytes(choice.most_bytes));
  text += kinds_text(listing);
  if (entries && !listing.entries.empty()) text += "\n" + entries_text(listing);
  if (listing.leftovers > 0) {
    text +=
        fmt::format("unfinished: {}; they go with the next build or prune\n", listing.leftovers);
  }
  if (listing.strangers > 0) {
    text += fmt::format("not of Lapidary: {}; nothing here removes them\n", listing.strangers);
  }
  for (const auto& path : listing.unread) {
    text += fmt::format("cannot be looked at: {}\n", path.string());
  }
  return text;
}

Result<int> show(const CacheCommandFlags& flags, const CacheChoice& choice) {
  LAP_ASSIGN_OR_RETURN(const auto cache, CacheFolder::find(choice.folder, choice.most_bytes));
  const CacheListing listing = cache ? cache->list() : CacheListing();
  if (flags.json) {
    write_json(cache_json(choice, listing));
  } else {
    write_out(show_text(choice, listing, flags.entries));
  }
  return finish_output();
}

Result<int> remove(const CacheCommandFlags& flags, const CacheChoice& choice, uint64_t most_bytes) {
  LAP_ASSIGN_OR_RETURN(const auto cache, CacheFolder::find(choice.folder, choice.most_bytes));
  CacheRemoval removed;
  CacheListing left;
  if (cache) {
    LAP_ASSIGN_OR_RETURN(removed, cache->trim(most_bytes));
    left = cache->list();
  }
  if (flags.json) {
    write_json({{"folder", choice.folder.string()},
                {"removed_entries", removed.entries},
                {"removed_bytes", removed.bytes},
                {"busy", removed.busy},
                {"entries", left.entries.size()},
                {"bytes", left.bytes()}});
    return finish_output();
  }
  write_out(fmt::format("{}: removed {} of {}, left {} of {}{}\n", choice.folder.string(),
                        human_bytes(removed.bytes), human_bytes(removed.bytes + left.bytes()),
                        human_bytes(left.bytes()), human_bytes(choice.most_bytes),
                        removed.busy > 0 ? fmt::format("; {} in use", removed.busy) : ""));
  return finish_output();
}

Result<int> cache_command(const CacheCommandFlags& flags) {
  if (!flags.max_size.empty() && flags.action != "prune") {
    return bad_input("--max-size",
                     fmt::format("means nothing to `lapidary cache {}`", flags.action),
                     "use it with `lapidary cache prune`");
  }
  LAP_ASSIGN_OR_RETURN(const CacheChoice choice, choose_cache(flags.folder, ""));
  if (choice.folder.empty()) {
    return bad_input("cache", "there is no place for one: neither HOME nor XDG_CACHE_HOME is set",
                     "name a folder with --cache or LAPIDARY_CACHE");
  }
  if (flags.action == "show") return show(flags, choice);
  uint64_t most_bytes = flags.action == "clear" ? 0 : choice.most_bytes;
  if (!flags.max_size.empty()) {
    LAP_ASSIGN_OR_RETURN(most_bytes, parse_bytes(flags.max_size, "--max-size"));
  }
  return remove(flags, choice, most_bytes);
}

}  // namespace

void add_cache_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<CacheCommandFlags>();
  Command command = program.add_command(
      "cache", "Show, prune or clear what is kept from build to build: binaries, probe results");
  command
      .add_option("ACTION", flags->action,
                  "show; prune: remove what was used longest ago until the rest fits; clear: "
                  "remove all")
      .one_of({"show", "prune", "clear"});
  command.add_option("--cache", flags->folder,
                     "The folder (else LAPIDARY_CACHE, else ~/.cache/lapidary)");
  command.add_option("--max-size", flags->max_size,
                     "prune: what may be left, as 5GB (else LAPIDARY_CACHE_SIZE, else 20GB)");
  command.add_flag("--entries", flags->entries, "show: a line for each entry");
  command.add_flag("--json", flags->json, "Print one JSON object");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(cache_command(*flags)); });
}

}  // namespace lapidary::cli
