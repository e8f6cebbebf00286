// An operator that shows a session's values to a function as they are computed.
//
//   ort::Observer observer([&](int64_t index, const ort::Observed& value) {
//     use(index, value.values);
//     return Status();
//   });
//   // In the graph: seen, count = lapidary.Observe<index = 3>(x), and readers of x read `seen`.
//   LAP_ASSIGN_OR_RETURN(auto session, Session::open(path, {.custom_ops = {observer.domain()}}));
//   LAP_ASSIGN_OR_RETURN(auto outputs, session.run(inputs));
//   LAP_RETURN_IF_ERROR(observer.status());
//
// `seen` is x, not a copy. `count`, int64 [1], is the number of x's elements: a small graph output,
// for an x that nothing else reads. x is float32; a session with another one cannot be opened.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"

struct OrtCustomOpDomain;

namespace lapidary::ort {

inline constexpr const char* kObserverDomain = "lapidary";
inline constexpr const char* kObserveOp = "Observe";  // of version 1; attribute "index"

// Valid while the function runs.
struct Observed {
  std::span<const float> values;   // row-major
  std::span<const int64_t> shape;  // empty: a scalar
};

class Observer {
 public:
  // Called on the thread that runs the session, once for each Observe of a run.
  using Watch = std::function<Status(int64_t index, const Observed& value)>;

  explicit Observer(Watch watch);
  ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  // For SessionOptions::custom_ops. The observer must outlive its sessions, which must not run at
  // the same time.
  OrtCustomOpDomain* domain();
  // The first error of `watch`, which is not called again after it.
  Status status() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lapidary::ort
