// Result and Status: how every boundary in Lapidary reports failure.
//
//   Result<Config> load(const std::filesystem::path& path);
//   LAP_ASSIGN_OR_RETURN(Config config, load(path));  // in a function returning Result or Status
//   if (auto r = load(path); !r.ok()) print(r.error().message());
//
// An Error says what went wrong, where, and what to do about it. Exceptions of third-party code are
// turned into Errors by the wrapper that calls it; nothing in the library throws, prints or aborts.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace lapidary {

enum class ErrorKind {
  kBadInput,     // the user's file, option or prompt is at fault            -> exit code 2
  kUnsupported,  // well-formed, but outside what this build can do          -> exit code 2
  kIo,           // the system refused: disk full, permission, missing file  -> exit code 2
  kCancelled,    // the user interrupted                                     -> exit code 130
  kInternal,     // a bug or a failing third-party component                 -> exit code 1
};

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string what;    // "tensor 'x' has dtype F16, expected BF16"
  std::string where;   // file, key path, node name: "model.safetensors: header"
  std::string remedy;  // "download the file again"; may be empty

  // One line: "where: what (remedy)".
  std::string message() const {
    std::string out = where.empty() ? what : where + ": " + what;
    if (!remedy.empty()) out += " (" + remedy + ")";
    return out;
  }
};

inline Error bad_input(std::string where, std::string what, std::string remedy = {}) {
  return {ErrorKind::kBadInput, std::move(what), std::move(where), std::move(remedy)};
}
inline Error unsupported(std::string where, std::string what, std::string remedy = {}) {
  return {ErrorKind::kUnsupported, std::move(what), std::move(where), std::move(remedy)};
}
inline Error io_error(std::string where, std::string what, std::string remedy = {}) {
  return {ErrorKind::kIo, std::move(what), std::move(where), std::move(remedy)};
}
inline Error internal_error(std::string where, std::string what, std::string remedy = {}) {
  return {ErrorKind::kInternal, std::move(what), std::move(where), std::move(remedy)};
}
inline Error cancelled() { return {ErrorKind::kCancelled, "interrupted", "", ""}; }

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  // By value: a loop over f().value() would otherwise outlive what it runs over.
  T value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const { return std::get<1>(state_); }
  Error take_error() { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return *error_; }
  Error take_error() { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace lapidary

#define LAP_CONCAT_INNER(a, b) a##b
#define LAP_CONCAT(a, b) LAP_CONCAT_INNER(a, b)

// Returns the error of a Status or Result expression from the enclosing function, if it has one.
#define LAP_RETURN_IF_ERROR(expr)                     \
  do {                                                \
    if (auto lap_status = (expr); !lap_status.ok()) { \
      return lap_status.take_error();                 \
    }                                                 \
  } while (false)

// Declares or assigns `lhs` from a Result expression, or returns its error.
#define LAP_ASSIGN_OR_RETURN(lhs, expr) \
  LAP_ASSIGN_OR_RETURN_IMPL(LAP_CONCAT(lap_result_, __LINE__), lhs, expr)
#define LAP_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) return tmp.take_error();         \
  lhs = std::move(tmp).value()
