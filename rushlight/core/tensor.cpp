#include "rushlight/core/tensor.h"

#include <atomic>

#include "rushlight/core/allocator.h"
#include "rushlight/core/free_list.h"
#include "rushlight/core/inference.h"

namespace rushlight {

void (*TensorImpl::release_python)(void*) = nullptr;

void* TensorImpl::operator new(size_t size) { return allocate(size); }
void TensorImpl::operator delete(void* p, size_t size) { deallocate(p, size); }

TensorImpl::TensorImpl(Ref<Storage> storage_, Dims sizes_, Dims strides_, int64_t offset_, DType dtype_,
                       Device device_)
    : storage(std::move(storage_)), dtype(dtype_), device(device_.is_cpu() ? Device{} : device_) {
  set_geometry(std::move(sizes_), std::move(strides_), offset_);
}

TensorImpl::~TensorImpl() {
  if (owns_python) release_python(python);
}

void TensorImpl::set_geometry(Dims sizes_, Dims strides_, int64_t offset_) {
  sizes = std::move(sizes_);
  strides = std::move(strides_);
  offset = offset_;
  numel = numel_of(sizes);
  contiguous = rushlight::is_contiguous(sizes, strides);
}

namespace {
std::atomic<DType> default_dtype_value{DType::Float32};
}

namespace {
RL_FAST_TLS constinit thread_local bool inference_tensors = false;
}

void make_inference_tensors(bool enabled) { inference_tensors = enabled; }

DType default_dtype() { return default_dtype_value.load(std::memory_order_relaxed); }

void set_default_dtype(DType dtype) {
  RL_CHECK_AS(TypeError, is_floating(dtype), "only floating-point types are supported as the default type");
  default_dtype_value.store(dtype, std::memory_order_relaxed);
}

Tensor make_tensor(DimsRef sizes, DType dtype, Device device) {
  for (int64_t s : sizes) {
    RL_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", to_string(sizes));
  }
  RL_CHECK_AS(AssertionError, !device.is_cuda(), "Rushlight not compiled with CUDA enabled");
  int64_t nbytes;
  const bool overflow = __builtin_mul_overflow(numel_of(sizes), item_size(dtype), &nbytes);
  RL_CHECK(!overflow, "Storage size calculation overflowed with sizes=", to_string(sizes));
  auto impl = make_ref<TensorImpl>(Storage::allocate(nbytes), sizes.copy(), contiguous_strides(sizes), 0,
                                   dtype, device);
  impl->inference = inference_tensors;
  return Tensor(std::move(impl));
}

Tensor make_alias(const Tensor& base, Dims sizes, Dims strides, int64_t offset) {
  TensorImpl* b = base.impl();
  auto impl =
      make_ref<TensorImpl>(b->storage, std::move(sizes), std::move(strides), offset, b->dtype, b->device);
  impl->own_version = b->own_version;
  impl->inference = b->inference;
  return Tensor(std::move(impl));
}

Scalar Tensor::item() const {
  RL_CHECK(numel() == 1, "a Tensor with ", numel(), " elements cannot be converted to Scalar");
  return visit_dtype(dtype(), [&]<class T>() -> Scalar {
    const T value = *static_cast<const T*>(raw_data());
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) return static_cast<float>(value);
    else if constexpr (std::is_same_v<T, complex64>) return complex128(value);
    else return value;
  });
}

}  // namespace rushlight
