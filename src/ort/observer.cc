#include "ort/observer.h"

#include <onnxruntime_cxx_api.h>

#include <cstring>
#include <exception>
#include <utility>
#include <vector>

namespace lapidary::ort {
namespace {

// What a kernel needs of its observer.
struct Target {
  Observer::Watch watch;
  Status status;

  void show(int64_t index, const Observed& value) noexcept {
    if (!status.ok()) return;
    try {
      status = watch(index, value);
    } catch (const std::exception& e) {
      status = internal_error("observer", e.what());
    }
  }
};

struct ObserveKernel {
  Target* target = nullptr;
  int64_t index = 0;

  // The name is what CustomOpBase calls.
  // NOLINTNEXTLINE(readability-identifier-naming)
  OrtStatusPtr ComputeV2(OrtKernelContext* context) noexcept {
    try {
      const Ort::KernelContext kernel(context);
      const Ort::ConstValue x = kernel.GetInput(0);
      const auto info = x.GetTensorTypeAndShapeInfo();
      const std::vector<int64_t> shape = info.GetShape();
      const size_t count = info.GetElementCount();
      const float* values = x.GetTensorData<float>();
      float* seen = kernel.GetOutput(0, shape).GetTensorMutableData<float>();
      if (seen != values && count > 0) std::memcpy(seen, values, count * sizeof(float));
      const int64_t one = 1;
      *kernel.GetOutput(1, &one, 1).GetTensorMutableData<int64_t>() = static_cast<int64_t>(count);
      target->show(index, {{values, count}, shape});
      return nullptr;
    } catch (const std::exception& e) {
      return Ort::GetApi().CreateStatus(ORT_FAIL, e.what());
    }
  }
};

struct ObserveOp : Ort::CustomOpBase<ObserveOp, ObserveKernel, true> {
  explicit ObserveOp(Target* observed) : target(observed) {
    // Output 0 is input 0.
    OrtCustomOp::GetAliasMap = [](int** inputs, int** outputs) -> size_t {
      *inputs = new int[1]{0};
      *outputs = new int[1]{0};
      return 1;
    };
    OrtCustomOp::ReleaseAliasMap = [](int* inputs, int* outputs) {
      delete[] inputs;
      delete[] outputs;
    };
  }

  OrtStatusPtr CreateKernelV2(const OrtApi& api, const OrtKernelInfo* info, void** kernel) const {
    int64_t index = 0;
    OrtStatusPtr status = api.KernelInfoGetAttribute_int64(info, "index", &index);
    if (status == nullptr) *kernel = new ObserveKernel{target, index};
    return status;
  }
  const char* GetName() const { return kObserveOp; }
  size_t GetInputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetInputType(size_t) const {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
  size_t GetOutputTypeCount() const { return 2; }
  ONNXTensorElementDataType GetOutputType(size_t i) const {
    return i == 0 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT : ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
  }

  Target* target;
};

}  // namespace

struct Observer::State {
  explicit State(Watch watch) : target{std::move(watch), {}}, op(&target), domain(kObserverDomain) {
    domain.Add(&op);
  }

  Target target;
  ObserveOp op;
  Ort::CustomOpDomain domain;
};

Observer::Observer(Watch watch) : state_(std::make_unique<State>(std::move(watch))) {}
Observer::~Observer() = default;

OrtCustomOpDomain* Observer::domain() { return state_->domain; }

Status Observer::status() const { return state_->target.status; }

}  // namespace lapidary::ort
