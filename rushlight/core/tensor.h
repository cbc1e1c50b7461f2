// Tensor: a counted handle to sizes, strides and a place in a storage. Copying one copies the handle.
//
//   Tensor x = rushlight::ones({2, 3});
//   Tensor y = (x * 2 + 1).sum(1);  // one number for each row
//   assert(y.sizes() == Dims({2}) && y[0].item<float>() == 9);
//
// Sizes, strides and offsets count elements, never bytes. Dimensions may be negative: -1 is the last. A
// handle that holds no tensor (`Tensor()`, an absent gradient) answers defined() and nothing else: any other
// use is a RuntimeError. Operators stand in rushlight/ops/ops.h, brackets in rushlight/ops/indexing.h,
// tensors from values in rushlight/ops/values.h.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "rushlight/core/counted.h"
#include "rushlight/core/device.h"
#include "rushlight/core/dtype.h"
#include "rushlight/core/error.h"
#include "rushlight/core/scalar.h"
#include "rushlight/core/shape.h"
#include "rushlight/core/storage.h"
#include "rushlight/declarations/expand.h"

namespace rushlight {

class Tensor;
class Generator;
class Index;  // what stands between brackets: rushlight/ops/indexing.h

// torch.contiguous_format and its kin: how the elements of a new tensor lie in memory.
enum class MemoryFormat : uint8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

// The version of a tensor that shares memory but not history (`Tensor::data`), and of its views; all other
// tensors use the counter of their storage.
struct VersionCounter : Counted {
  std::atomic<uint32_t> value{0};
};

// What autograd knows of a tensor; defined in rushlight/autograd.
struct AutogradMetaBase {
  virtual ~AutogradMetaBase() = default;
};

class TensorImpl : public Counted {
 public:
  TensorImpl(Ref<Storage> storage, Dims sizes, Dims strides, int64_t offset, DType dtype, Device device);
  // Contiguous, from the start of a storage of its own.
  TensorImpl(Ref<Storage> storage, DimsRef sizes, int64_t numel, DType dtype, Device device);
  // The same elements once more, without history.
  TensorImpl(const TensorImpl& other);
  ~TensorImpl() override;
  static void* operator new(size_t size);
  static void operator delete(void* p, size_t size);

  void set_geometry(Dims sizes, Dims strides, int64_t offset);

  Ref<Storage> storage;
  Dims sizes;
  Dims strides;
  int64_t offset = 0;  // in elements
  int64_t numel = 0;
  DType dtype;
  Device device;
  bool contiguous = true;
  bool wrapped_number = false;  // a Python number made a 0-d tensor: weak in type promotion
  bool inference = false;       // made under inference_mode
  bool parameter = false;       // an nn parameter: Python shows it as one
  std::unique_ptr<AutogradMetaBase> autograd;
  Ref<TensorImpl> view_base;  // of a differentiable view: the tensor that owns the memory's history
  enum class ViewKind : uint8_t { Plain, NoGrad, OneOfSeveral } view_kind = ViewKind::Plain;
  Ref<VersionCounter> own_version;

  std::atomic<uint32_t>& version() const { return own_version ? own_version->value : storage->version; }

  // The Python object that stands for this tensor. While `owns_python` the implementation keeps that object
  // alive (nobody in Python does, but its identity and attributes must last); otherwise the object keeps the
  // implementation.
  void* python = nullptr;
  bool owns_python = false;
  static void (*release_python)(void* object);
};

// What is needed to make a tensor: dtype and device default to the process-wide ones.
struct TensorOptions {
  std::optional<DType> dtype;
  std::optional<Device> device;
  bool requires_grad = false;
};

// Borrowed list of tensors, for parameters.
class TensorList {
 public:
  TensorList() = default;
  TensorList(const Tensor* data, int64_t size) : data_(data), size_(size) {}
  TensorList(const std::vector<Tensor>& v);
  TensorList(std::initializer_list<Tensor> v);
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Tensor* begin() const { return data_; }
  const Tensor* end() const;
  const Tensor& operator[](int64_t i) const;

 private:
  const Tensor* data_ = nullptr;
  int64_t size_ = 0;
};

// The second operand of arithmetic: a tensor or a plain number. It borrows the tensor.
class Operand {
 public:
  Operand(const Tensor& tensor) : tensor_(&tensor) {}
  template <class T>
  requires std::is_convertible_v<T, Scalar> Operand(const T& number) : scalar_(number) {}
  bool is_tensor() const { return tensor_ != nullptr; }
  const Tensor& tensor() const { return *tensor_; }
  const Scalar& scalar() const { return scalar_; }

 private:
  const Tensor* tensor_ = nullptr;
  Scalar scalar_;
};

// Zero margins of a convolution: a width, one a dimension, or "same" or "valid".
struct Padding {
  Padding(int64_t width) : sizes{width} {}
  Padding(int width) : sizes{width} {}
  Padding(const Dims& widths) : sizes(widths) {}
  Padding(std::initializer_list<int64_t> widths) : sizes(widths) {}
  Padding(std::string_view word) : name(word) {}
  Padding(const char* word) : name(word) {}
  Dims sizes;
  std::string name;
};

// Sizes of an output, some of which may be left as the input has them (nullopt).
struct Extents {
  Extents(int64_t all) : sizes{all} {}
  Extents(int all) : sizes{all} {}
  Extents(std::initializer_list<std::optional<int64_t>> v) : sizes(v) {}
  explicit Extents(std::vector<std::optional<int64_t>> v) : sizes(std::move(v)) {}
  std::vector<std::optional<int64_t>> sizes;
};

// Numbers, one for all dimensions or one for each; empty when absent (None).
struct OptDoubles {
  OptDoubles() = default;
  OptDoubles(double all) : values{all} {}
  OptDoubles(std::initializer_list<double> v) : values(v) {}
  explicit OptDoubles(std::vector<double> v) : values(std::move(v)) {}
  bool has_value() const { return !values.empty(); }
  std::vector<double> values;
};

// How a declared parameter type is passed in C++.
struct OptTensor;  // a Tensor that may be undefined (None)
template <class T>
struct InType {
  using type = T;
};
template <>
struct InType<Tensor> {
  using type = const Tensor&;
};
template <>
struct InType<OptTensor> {
  using type = const Tensor&;
};
template <>
struct InType<Dims> {
  using type = DimsRef;
};
template <>
struct InType<Scalar> {
  using type = const Scalar&;
};
template <>
struct InType<Operand> {
  using type = const Operand&;
};
template <>
struct InType<Padding> {
  using type = const Padding&;
};
template <>
struct InType<Extents> {
  using type = const Extents&;
};
template <>
struct InType<OptDoubles> {
  using type = const OptDoubles&;
};
// A bool that numbers do not turn into, for overloads beside one that takes dimensions.
class Flag {
 public:
  template <std::same_as<bool> B>
  Flag(B value) : value_(value) {}
  operator bool() const { return value_; }

 private:
  bool value_;
};

// Dimensions of two tensors; in Python a pair of lists or of ints.
struct DimPair {
  Dims first, second;
};
template <>
struct InType<DimPair> {
  using type = const DimPair&;
};

template <class T>
using In = typename InType<T>::type;

using OptDType = std::optional<DType>;
using OptDevice = std::optional<Device>;
using OptInt = std::optional<int64_t>;
using OptDouble = std::optional<double>;
using OptBool = std::optional<bool>;
using OptScalar = std::optional<Scalar>;
using String = std::string_view;
using OptMemoryFormat = std::optional<MemoryFormat>;
using OptString = std::optional<std::string_view>;
using TensorArgs = TensorList;    // in Python one by one too: f(a, b) for f([a, b])
using Self = const Tensor&;       // what an operation that changes its first argument returns
using OptGenerator = Generator*;  // nullptr: the default generator

// Results of operations that give several tensors.
struct ValuesIndices;
struct WithIndices;
struct MinMax;
struct MantissaExponent;
struct Distinct;
struct TensorOrTuple;
using TensorPair = std::tuple<Tensor, Tensor>;
using TensorTriple = std::tuple<Tensor, Tensor, Tensor>;
using TensorVector = std::vector<Tensor>;

class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}

  bool defined() const { return static_cast<bool>(impl_); }
  TensorImpl* impl() const {
    if (!impl_) [[unlikely]]
      throw_undefined();
    return impl_.get();
  }
  const Ref<TensorImpl>& ref() const { return impl_; }
  // The same tensor, not an equal one: `==` compares elements.
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }

  const Dims& sizes() const { return impl()->sizes; }
  const Dims& strides() const { return impl()->strides; }
  const Dims& shape() const { return impl()->sizes; }
  int64_t dim() const { return impl()->sizes.size(); }
  int64_t numel() const { return impl()->numel; }
  // IndexError for dimensions outside [-dim(), dim()).
  int64_t size(int64_t d) const { return sizes()[wrap_dim(d, dim(), false)]; }
  int64_t stride(int64_t d) const { return strides()[wrap_dim(d, dim(), false)]; }
  int64_t storage_offset() const { return impl()->offset; }
  const Ref<Storage>& storage() const { return impl()->storage; }
  DType dtype() const { return impl()->dtype; }
  Device device() const { return impl()->device; }
  int64_t item_size() const { return rushlight::item_size(dtype()); }  // in bytes
  bool is_contiguous() const { return impl()->contiguous; }            // row-major, without gaps
  bool is_floating_point() const { return is_floating(dtype()); }
  TensorOptions options() const { return {dtype(), device(), false}; }

  // The first element; elements lie where the strides say.
  void* raw_data() const {
    const TensorImpl& t = *impl();
    return static_cast<char*>(t.storage->data()) + t.offset * rushlight::item_size(t.dtype);
  }
  // The elements, in the order of the strides; RuntimeError "expected scalar type Float but found Double".
  template <class T>
  T* data() const {
    RL_CHECK(dtype() == dtype_of<T>, "expected scalar type ", info(dtype_of<T>).message_name, " but found ",
             info(dtype()).message_name);
    return static_cast<T*>(raw_data());
  }

  // The only element; RuntimeError "a Tensor with 4 elements cannot be converted to Scalar".
  Scalar item() const;
  template <class T>
  T item() const {
    return item().to<T>();
  }

  // Autograd (rushlight/autograd/variable.cpp).
  bool requires_grad() const;
  const Tensor& set_requires_grad(bool requires_grad) const;
  const Tensor& grad() const;  // undefined until a backward has reached this leaf
  void set_grad(const Tensor& grad) const;
  bool is_leaf() const;
  void retain_grad() const;
  Tensor data() const;  // shares memory, not history nor version
  // Gradients of this tensor with respect to the graph's leaves, added to their grad().
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = {},
                bool create_graph = false) const;
  uint32_t version() const { return impl()->version().load(std::memory_order_relaxed); }
  void bump_version() const { impl()->version().fetch_add(1, std::memory_order_relaxed); }

  // The row `index` of the first dimension.
  Tensor operator[](int64_t index) const;
  // x.index({0, Slice{1, 3}, Index::Ellipsis, mask}), as x[0, 1:3, ..., mask] in Python; see
  // rushlight/ops/indexing.h.
  Tensor index(std::initializer_list<Index> indices) const;
  const Tensor& index_put_(std::initializer_list<Index> indices, const Operand& value,
                           bool accumulate = false) const;
  const Tensor& index_put_(std::initializer_list<Tensor> indices, const Tensor& values,
                           bool accumulate = false) const;

#define OP(where, Result, name, doc, samples, ...)                       \
  RL_IF_METHOD(where, Result name(RL_METHOD_PARAMS(__VA_ARGS__)) const;) \
  RL_IF_INPLACE_METHOD(where, const Tensor& name##_(RL_METHOD_PARAMS(__VA_ARGS__)) const;)
#define METHOD(Result, name, doc, samples, ...) Result name(RL_METHOD_PARAMS(__VA_ARGS__)) const;
#include "rushlight/declarations/all.def"

#define RL_ALIAS_torch(name, target)                 \
  template <class... A>                              \
  decltype(auto) name(A&&... arguments) const {      \
    return target(std::forward<A>(arguments)...);    \
  }                                                  \
  template <class... A>                              \
  decltype(auto) name##_(A&&... arguments) const {   \
    return target##_(std::forward<A>(arguments)...); \
  }
#define RL_ALIAS_special(name, target)
#define RL_ALIAS_nn(name, target)
#define ALIAS(module, name, target) RL_ALIAS_##module(name, target)
#include "rushlight/declarations/alias.def"
#undef RL_ALIAS_torch
#undef RL_ALIAS_special
#undef RL_ALIAS_nn

 private:
  [[noreturn, gnu::cold]] static void throw_undefined();

  Ref<TensorImpl> impl_;
};

struct ValuesIndices {
  Tensor values, indices;
};
// A tensor, and where its elements came from if that was asked for; in Python a tuple then.
struct WithIndices : Tensor {
  WithIndices(Tensor values, Tensor places = {}) : Tensor(std::move(values)), indices(std::move(places)) {}
  Tensor indices;
};
struct MinMax {
  Tensor min, max;
};
struct MantissaExponent {
  Tensor mantissa, exponent;
};
// What is not asked for is undefined; in Python a tuple of the rest, or the values alone.
struct Distinct {
  Tensor values, inverse, counts;
};
// For Python, where an argument decides between the two; C++ has a function for each.
struct TensorOrTuple {
  TensorVector tensors;
  bool tuple;
};

inline TensorList::TensorList(const std::vector<Tensor>& v)
    : data_(v.data()), size_(static_cast<int64_t>(v.size())) {}
inline TensorList::TensorList(std::initializer_list<Tensor> v)
    : TensorList(v.begin(), static_cast<int64_t>(v.size())) {}
inline const Tensor* TensorList::end() const { return data_ + size_; }
inline const Tensor& TensorList::operator[](int64_t i) const { return data_[i]; }

DType default_dtype();
// TypeError unless a floating type.
void set_default_dtype(DType dtype);

// Uninitialised, contiguous; RuntimeError for negative sizes, sizes that overflow, devices that are not
// there.
Tensor make_tensor(DimsRef sizes, DType dtype, Device device = {});
// Another look at the storage of `base`, or the same once more; shares its version counter, no autograd.
Tensor make_alias(const Tensor& base, Dims sizes, Dims strides, int64_t offset);
Tensor make_alias(const Tensor& base);

}  // namespace rushlight
