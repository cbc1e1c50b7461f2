#include "rushlight/core/tensor.h"

#include <algorithm>
#include <atomic>

#include "rushlight/core/destination.h"
#include "rushlight/core/free_list.h"
#include "rushlight/core/inference.h"

namespace rushlight {

void (*TensorImpl::release_python)(void*) = nullptr;

void* TensorImpl::operator new(size_t size) { return FreeList<TensorImpl>::allocate(size); }
void TensorImpl::operator delete(void* p, size_t size) { FreeList<TensorImpl>::release(p, size); }

TensorImpl::TensorImpl(Ref<Storage> storage_, Dims sizes_, Dims strides_, int64_t offset_, DType dtype_,
                       Device device_)
    : storage(std::move(storage_)),
      sizes(std::move(sizes_)),
      strides(std::move(strides_)),
      offset(offset_),
      numel(numel_of(sizes)),
      dtype(dtype_),
      device(device_.is_cpu() ? Device{} : device_),
      contiguous(rushlight::is_contiguous(sizes, strides)) {}

TensorImpl::TensorImpl(Ref<Storage> storage_, DimsRef sizes_, int64_t numel_, DType dtype_, Device device_)
    : storage(std::move(storage_)),
      numel(numel_),
      dtype(dtype_),
      device(device_.is_cpu() ? Device{} : device_) {
  // One by one, and not by copies of unknown length: there are two or three of them.
  for (int64_t s : sizes_) sizes.push_back(s);
  strides = sizes;
  int64_t step = 1;
  for (int64_t d = sizes.size() - 1; d >= 0; --d) {
    strides[d] = step;
    if (__builtin_mul_overflow(step, std::max<int64_t>(sizes[d], 1), &step))
      step = INT64_MAX;  // of an empty tensor
  }
}

TensorImpl::TensorImpl(const TensorImpl& other)
    : storage(other.storage),
      sizes(other.sizes),
      strides(other.strides),
      offset(other.offset),
      numel(other.numel),
      dtype(other.dtype),
      device(other.device),
      contiguous(other.contiguous),
      inference(other.inference),
      own_version(other.own_version) {}

TensorImpl::~TensorImpl() {
  if (owns_python) release_python(python);
}

void Tensor::throw_undefined() {
  throw_error<RuntimeError>("Expected a proper Tensor but got None (or an undefined Tensor in C++)");
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

namespace {

// What is wrong with these sizes, found again at leisure.
[[noreturn, gnu::noinline, gnu::cold]] void refuse_sizes(DimsRef sizes) {
  for (int64_t s : sizes) {
    RL_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", to_string(sizes));
  }
  numel_of(sizes);
  throw_error<RuntimeError>("Storage size calculation overflowed with sizes=", to_string(sizes));
}

// The number of elements; says whether the sizes make a tensor at all.
bool count_elements(DimsRef sizes, DType dtype, int64_t* numel, int64_t* nbytes) {
  int64_t n = 1, lowest = 0;
  bool overflow = false, empty = false;
  for (int64_t s : sizes) {
    lowest |= s;
    empty |= s == 0;
    overflow |= __builtin_mul_overflow(n, s, &n);
  }
  if (empty) n = 0, overflow = false;
  *numel = n;
  return lowest >= 0 && !(overflow | __builtin_mul_overflow(n, item_size(dtype), nbytes));
}

}  // namespace

Tensor make_tensor(DimsRef sizes, DType dtype, Device device) {
  if (detail::lent_output != nullptr) [[unlikely]] {
    if (Tensor lent = detail::take_lent_output(sizes, dtype); lent.defined()) return lent;
  }
  int64_t numel, nbytes;
  if (!count_elements(sizes, dtype, &numel, &nbytes)) [[unlikely]]
    refuse_sizes(sizes);
  RL_CHECK_AS(AssertionError, !device.is_cuda(), "Rushlight not compiled with CUDA enabled");
  auto impl = make_ref<TensorImpl>(Storage::allocate(nbytes), sizes, numel, dtype, device);
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

Tensor make_alias(const Tensor& base) { return Tensor(make_ref<TensorImpl>(*base.impl())); }

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
