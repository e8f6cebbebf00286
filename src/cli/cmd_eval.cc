// lapidary eval PACKAGE: perplexity of a text, or answers about images and clips.
#include <fmt/core.h>

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/peak_memory.h"
#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"
#include "eval/media_eval.h"
#include "eval/media_set.h"
#include "eval/perplexity.h"
#include "eval/quality_figures.h"
#include "package/quality.h"

namespace lapidary::cli {
namespace {

struct EvalFlags {
  ModelFlags model;
  std::string text;
  std::string media;
  std::optional<size_t> limit;  // of lines, or of each kind of media
  bool json = false;
  bool record = false;
};

// What was measured goes into the manifest when the user asks for it; it is printed before.
template <typename Measured>
Status record(const EvalFlags& flags, const std::string& data_file, const runtime::Model& model,
              const Measured& result) {
  if (!flags.record) return {};
  LAP_ASSIGN_OR_RETURN(const std::string data, eval::data_name(data_file, flags.limit));
  // Not into the manifest of another package.
  LAP_RETURN_IF_ERROR(model.package().unchanged());
  return package::record_quality(model.path(), eval::quality_figures(result, data, model.device()));
}

void print(const eval::Perplexity& result, const std::string& device, bool as_json) {
  if (as_json) {
    write_json(Json{{"device", device},
                    {"perplexity", result.perplexity},
                    {"tokens", result.tokens},
                    {"lines", result.lines},
                    {"mean_nll", result.mean_nll},
                    {"seconds", result.seconds},
                    {"peak_memory_bytes", peak_resident_bytes()}});
    return;
  }
  write_out(fmt::format("perplexity {:.6f} over {} tokens in {} lines, {:.1f} s\n",
                        result.perplexity, result.tokens, result.lines, result.seconds));
}

Result<int> evaluate_text(const EvalFlags& flags) {
  ProgressDisplay progress;
  const Work work{.progress = &progress, .cancel = &catch_interrupts()};
  LAP_ASSIGN_OR_RETURN(const std::string text, read_text_file(flags.text));
  LAP_ASSIGN_OR_RETURN(const runtime::Model model, flags.model.open(work));
  LAP_ASSIGN_OR_RETURN(const eval::Perplexity result, eval::perplexity(model, text,
                                                                       {.where = flags.text,
                                                                        .chunk = flags.model.chunk,
                                                                        .max_lines = flags.limit,
                                                                        .work = work}));
  progress.finish();
  print(result, model.device(), flags.json);
  LAP_RETURN_IF_ERROR(record(flags, flags.text, model, result));
  return finish_output();
}

// What is not a number is null.
Json ratio(double value) { return std::isnan(value) ? Json() : Json(value); }

Json score_json(const eval::MediaScore& score, encoders::MediaKind kind) {
  Json json = {{"items", score.items},
               {"exact", score.exact},
               {"exact_match", ratio(score.exact_match())},
               {"recorded", score.recorded},
               {"equal_to_recorded", score.equal_to_recorded}};
  if (kind == encoders::MediaKind::kAudio) {
    json["word_error_rate"] = ratio(score.words.rate());
    json["word_errors"] = score.words.errors;
    json["reference_words"] = score.words.reference_words;
  }
  return json;
}

Json answer_json(const eval::MediaAnswer& answer) {
  Json json = {{"kind", encoders::name(answer.question.item.kind)},
               {"file", answer.question.file},
               {"question", answer.question.question},
               {"answer", answer.text},
               {"reference", answer.question.reference},
               {"ok", answer.exact},
               {"equal_to_recorded", Json()},
               {"tokens", answer.tokens}};
  if (answer.equals_recorded) json["equal_to_recorded"] = *answer.equals_recorded;
  if (answer.words) json["word_errors"] = answer.words->errors;
  return json;
}

Json to_json(const eval::MediaEval& result, const std::string& device) {
  Json items = Json::array();
  for (const eval::MediaAnswer& answer : result.answers) items.push_back(answer_json(answer));
  Json json = {{"device", device}};
  if (result.images.items > 0) {
    json["images"] = score_json(result.images, encoders::MediaKind::kImage);
  }
  if (result.audio.items > 0) {
    json["audio"] = score_json(result.audio, encoders::MediaKind::kAudio);
  }
  json["seconds"] = result.seconds;
  json["peak_memory_bytes"] = peak_resident_bytes();
  json["items"] = std::move(items);
  return json;
}

std::string score_text(const char* name, const eval::MediaScore& score) {
  if (score.items == 0) return {};
  std::string text = fmt::format("{}: {} of {} exactly right ({:.1f} %)", name, score.exact,
                                 score.items, 100 * score.exact_match());
  if (score.words.reference_words > 0) {
    text += fmt::format(", word error rate {:.2f} % ({} of {} words)", 100 * score.words.rate(),
                        score.words.errors, score.words.reference_words);
  }
  if (score.recorded > 0) {
    text += fmt::format(", tokens equal to the recorded ones: {} of {}", score.equal_to_recorded,
                        score.recorded);
  }
  return text + "\n";
}

void print(const eval::MediaEval& result, const std::string& device, bool as_json) {
  if (as_json) {
    write_json(to_json(result, device));
    return;
  }
  std::string text = score_text("images", result.images) + score_text("audio", result.audio);
  for (const eval::MediaAnswer& answer : result.answers) {
    if (answer.exact) continue;
    text += fmt::format("  {}: {}, expected {}\n", answer.question.file, Json(answer.text).dump(),
                        Json(answer.question.reference).dump());
  }
  write_out(text);
}

// The first `limit` of each kind.
std::vector<eval::MediaQuestion> first_of(const std::vector<eval::MediaQuestion>& questions,
                                          size_t limit) {
  std::vector<eval::MediaQuestion> out;
  std::map<encoders::MediaKind, size_t> taken;
  for (const eval::MediaQuestion& question : questions) {
    if (taken[question.item.kind]++ < limit) out.push_back(question);
  }
  return out;
}

Result<int> evaluate_media(const EvalFlags& flags) {
  ProgressDisplay progress;
  const Work work{.progress = &progress, .cancel = &catch_interrupts()};
  LAP_ASSIGN_OR_RETURN(std::vector<eval::MediaQuestion> questions,
                       eval::load_media_set(flags.media));
  if (flags.limit) questions = first_of(questions, *flags.limit);
  LAP_ASSIGN_OR_RETURN(const runtime::Model model, flags.model.open(work));
  LAP_ASSIGN_OR_RETURN(
      const eval::MediaEval result,
      eval::evaluate_media(model, questions, {.chunk = flags.model.chunk, .work = work}));
  progress.finish();
  print(result, model.device(), flags.json);
  LAP_RETURN_IF_ERROR(record(flags, flags.media, model, result));
  return finish_output();
}

Result<int> evaluate(const EvalFlags& flags) {
  if (flags.text.empty() == flags.media.empty()) {
    return bad_input("eval", "takes either --text or --media");
  }
  return flags.media.empty() ? evaluate_text(flags) : evaluate_media(flags);
}

}  // namespace

void add_eval_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<EvalFlags>();
  Command command = program.add_command(
      "eval", "Measure the perplexity of a text, or judge answers about images and sound");
  flags->model.add_to(command);
  flags->model.add_chunk_to(command);
  flags->model.add_unpack_weights_to(command);
  command.add_option("--text", flags->text, "Text file; each line stands alone after <bos>");
  command.add_option("--media", flags->media,
                     "JSON file with images, clips, questions and reference answers");
  command.add_option("--limit", flags->limit, "Only the first so many lines, or images and clips")
      .between(1, int64_t{1} << 30);
  command.add_flag("--record", flags->record,
                   "Write the figures into the package's manifest as well");
  command.add_flag("--json", flags->json, "Print one JSON object");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(evaluate(*flags)); });
}

}  // namespace lapidary::cli
