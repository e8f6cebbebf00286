// How the log of onnxruntime-qnn 2.7.0 reads:
//   ... LogNodeSupport] Validation FAILED for 1 nodes in OrtNodeUnit (Erf) :
//           Operator type: DequantizeLinear Node name: x/DequantizeLinear Node index: 0
//           Operator type: Erf Node name: the Erf Node index: 1
//           REASON : Operators of type `Erf` are not supported by QNN EP. ...
//   <date> [E:onnxruntime:, qnn_execution_provider.cc:2290 GetCapabilityImpl] QNN SetupBackend ...
#include "htp/log_cause.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

namespace lapidary::htp {
namespace {

constexpr size_t kReasons = 3;    // more of them say the same again
constexpr size_t kLongest = 400;  // bytes of one reason

// Errors that only repeat what ONNX Runtime's own exception says, or list what failed without why.
constexpr std::array<std::string_view, 3> kNoReason = {
    "assigned to the default CPU EP", "Unsupported nodes in QNN EP", "OrtEp::GetCapability() for"};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// The text between two marks; "" when either is missing.
std::string_view between(std::string_view line, std::string_view begin, std::string_view end) {
  const size_t from = line.find(begin);
  if (from == std::string_view::npos) return {};
  line.remove_prefix(from + begin.size());
  return line.substr(0, line.find(end));
}

// The message of a line that ONNX Runtime logged as an error; "" for other lines.
std::string_view error_message(std::string_view line) {
  const size_t mark = line.find("[E:");
  if (mark == std::string_view::npos) return {};
  const size_t end = line.find("] ", mark);
  if (end == std::string_view::npos) return {};
  const std::string_view message = line.substr(end + 2);
  for (const std::string_view empty : kNoReason) {
    if (message.find(empty) != std::string_view::npos) return {};
  }
  return trimmed(message.substr(0, message.find('\x1b')));  // colours end the line
}

// At most kLongest bytes without control characters.
std::string plain(std::string_view text) {
  std::string out(text.substr(0, kLongest));
  for (char& c : out) c = static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return out;
}

void add(std::vector<std::string>& reasons, std::string reason) {
  if (reason.empty() || reasons.size() >= kReasons) return;
  if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) {
    reasons.push_back(std::move(reason));
  }
}

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

std::vector<Refusal> refusals(std::string_view log) {
  std::vector<Refusal> out;
  std::set<std::string, std::less<>> seen;
  std::string_view unit;  // the op type that the unit is about
  Refusal last;           // the node of that type, or the last one of the unit
  while (!log.empty()) {
    const std::string_view line = next_line(log);
    if (const auto op = between(line, " in OrtNodeUnit (", ")"); !op.empty()) {
      unit = op;
      last = {};
    } else if (const auto type = between(line, "Operator type: ", " Node name: "); !type.empty()) {
      if (last.op == unit && !last.op.empty()) continue;
      last = {plain(between(line, " Node name: ", " Node index: ")), plain(type), {}};
    } else if (const auto reason = between(line, "REASON : ", "\n"); !reason.empty()) {
      last.reason = plain(trimmed(reason));
      if (!last.node.empty() && seen.insert(last.node).second) out.push_back(last);
    }
  }
  return out;
}

std::string log_cause(std::string_view log) {
  std::vector<std::string> reasons;
  for (const Refusal& refusal : refusals(log)) {
    add(reasons, fmt::format("{} '{}': {}", refusal.op, refusal.node, refusal.reason));
  }
  const bool refused = !reasons.empty();
  while (!refused && !log.empty()) add(reasons, plain(error_message(next_line(log))));
  return fmt::format("{}", fmt::join(reasons, "; "));
}

}  // namespace lapidary::htp
