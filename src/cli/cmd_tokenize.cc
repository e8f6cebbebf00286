// lapidary tokenize PACKAGE_OR_CHECKPOINT: text from standard input to token ids, or back.
#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "base/folder_handle.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "package/package.h"
#include "text/tokenizer.h"

namespace lapidary::cli {
namespace {

struct TokenizeFlags {
  std::string directory;
  bool json = false;
  bool decode = false;
  bool no_special = false;
  bool no_verify = false;
};

constexpr const char* kTokenizer = "tokenizer.json";

// Of a package, the file that its manifest lists, verified as `run` does; of a checkpoint, what is
// there.
Result<text::Tokenizer> load_tokenizer(const TokenizeFlags& flags, const Work& work) {
  using package::VerifyMode;
  const std::filesystem::path folder(flags.directory);
  if (!is_there(folder / package::kManifestFile)) return text::Tokenizer::load(folder / kTokenizer);
  std::optional<text::Tokenizer> tokenizer;
  Status done = package::while_unchanged(folder, [&](package::Package& opened) -> Status {
    const VerifyMode mode = flags.no_verify ? VerifyMode::kSizes : VerifyMode::kChecksums;
    LAP_RETURN_IF_ERROR(opened.verify_file(kTokenizer, mode, work));
    LAP_ASSIGN_OR_RETURN(tokenizer, text::Tokenizer::load(opened.path(kTokenizer)));
    return {};
  });
  if (!done.ok()) return done.take_error();
  return *std::move(tokenizer);
}

// Ids apart by anything that is not a digit: "2 5", "[2, 5]", one a line.
Result<std::vector<int32_t>> parse_ids(const std::string& text) {
  std::vector<int32_t> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const auto c = static_cast<unsigned char>(*at);
    if (std::isspace(c) != 0 || *at == ',' || *at == '[' || *at == ']') {
      ++at;
      continue;
    }
    int32_t id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0) {
      return bad_input("standard input",
                       fmt::format("byte {} does not begin a token id", at - text.data()),
                       "give ids as numbers apart by spaces or commas");
    }
    ids.push_back(id);
    at = next;
  }
  return ids;
}

// The tokenizer leaves out ids that it does not have, as the reference does; here that would hide
// ids of another model.
Status check_known(const text::Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  for (const int32_t id : ids) {
    if (tokenizer.id_to_token(id)) continue;
    return bad_input("standard input", fmt::format("the tokenizer has no token {}", id),
                     "give ids that this model's tokenizer made");
  }
  return {};
}

std::string encode_output(const text::Tokenizer& tokenizer, const std::vector<int32_t>& ids,
                          bool as_json) {
  if (as_json) {
    Json pieces = Json::array();
    for (const int32_t id : ids) pieces.push_back(tokenizer.id_to_token(id).value_or(""));
    return Json{{"ids", ids}, {"pieces", std::move(pieces)}}.dump() + "\n";
  }
  return fmt::format("{}\n", fmt::join(ids, " "));
}

Result<int> tokenize(const TokenizeFlags& flags) {
  const Work work{.cancel = &catch_interrupts()};
  LAP_ASSIGN_OR_RETURN(const text::Tokenizer tokenizer, load_tokenizer(flags, work));
  LAP_ASSIGN_OR_RETURN(const std::string input, read_stdin());
  if (flags.decode) {
    LAP_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, parse_ids(input));
    LAP_RETURN_IF_ERROR(check_known(tokenizer, ids));
    const std::string text = tokenizer.decode(ids, flags.no_special);
    if (flags.json) {
      write_json(Json{{"text", text}});
    } else {
      ModelText decoded;
      decoded.write(text);
      decoded.finish();
    }
    return finish_output();
  }
  LAP_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, tokenizer.encode(input, !flags.no_special));
  write_out(encode_output(tokenizer, ids, flags.json));
  return finish_output();
}

}  // namespace

void add_tokenize_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<TokenizeFlags>();
  Command command = program.add_command("tokenize", "Turn text from standard input into token ids");
  command.add_option("DIRECTORY", flags->directory, "A package or a checkpoint").required();
  command.add_flag("--json", flags->json, "Print one JSON object: ids and pieces");
  command.add_flag("--decode", flags->decode, "Read ids, print their text");
  command.add_flag("--no-special", flags->no_special,
                   "Encoding: add no <bos>; decoding: leave special tokens out");
  command.add_flag("--no-verify", flags->no_verify,
                   "Do not compare a package's file with its checksum");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(tokenize(*flags)); });
}

}  // namespace lapidary::cli
