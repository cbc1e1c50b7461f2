// Sizes and strides: a small vector of int64, a view of one, and the arithmetic of shapes.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "rushlight/core/error.h"

namespace rushlight {

// int64 vector that keeps up to five elements inline; any rank is allowed.
class Dims {
 public:
  Dims() = default;
  explicit Dims(int64_t size, int64_t value = 0) { resize(size, value); }
  Dims(std::initializer_list<int64_t> values) : Dims(values.begin(), static_cast<int64_t>(values.size())) {}
  Dims(const int64_t* values, int64_t size) { assign(values, size); }
  Dims(const Dims& other) { copy(other); }
  Dims(Dims&& other) noexcept { steal(other); }
  Dims& operator=(const Dims& other) {
    if (this != &other) {
      if (is_heap()) assign(other.data(), other.size());
      else copy(other);
    }
    return *this;
  }
  Dims& operator=(Dims&& other) noexcept {
    if (this != &other) {
      if (is_heap()) delete[] heap_;
      steal(other);
    }
    return *this;
  }
  ~Dims() {
    if (is_heap()) delete[] heap_;
  }

  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t* data() { return is_heap() ? heap_ : inline_; }
  const int64_t* data() const { return is_heap() ? heap_ : inline_; }
  int64_t* begin() { return data(); }
  int64_t* end() { return data() + size_; }
  const int64_t* begin() const { return data(); }
  const int64_t* end() const { return data() + size_; }
  int64_t& operator[](int64_t i) { return data()[i]; }
  int64_t operator[](int64_t i) const { return data()[i]; }
  int64_t& back() { return data()[size_ - 1]; }
  int64_t back() const { return data()[size_ - 1]; }

  void resize(int64_t size, int64_t value = 0) {
    reserve(size);
    for (int64_t i = size_; i < size; ++i) data()[i] = value;
    size_ = static_cast<uint32_t>(size);
  }
  void push_back(int64_t value) {
    if (size_ == capacity_) reserve(2 * int64_t{capacity_});
    data()[size_++] = value;
  }
  void insert(int64_t position, int64_t value) {
    push_back(value);
    int64_t* d = data();
    for (int64_t i = size_ - 1; i > position; --i) std::swap(d[i], d[i - 1]);
  }
  void erase(int64_t position) {
    int64_t* d = data();
    for (int64_t i = position; i + 1 < size_; ++i) d[i] = d[i + 1];
    --size_;
  }
  void clear() { size_ = 0; }
  bool operator==(const Dims& other) const {
    if (size_ != other.size_) return false;
    const int64_t *a = data(),
                  *b = other.data();  // compared one by one: most are too few for a call of memcmp
    for (uint32_t i = 0; i < size_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

 private:
  static constexpr uint32_t kInline = 5;
  bool is_heap() const { return capacity_ > kInline; }
  void reserve(int64_t capacity) {
    if (capacity <= capacity_) return;
    int64_t* bigger = new int64_t[capacity];
    std::memcpy(bigger, data(), size_ * sizeof(int64_t));
    if (is_heap()) delete[] heap_;
    heap_ = bigger;
    capacity_ = static_cast<uint32_t>(capacity);
  }
  void assign(const int64_t* values, int64_t size) {
    reserve(size);
    if (size) std::memmove(data(), values, size * sizeof(int64_t));
    size_ = static_cast<uint32_t>(size);
  }
  // Into a Dims that holds no memory. All inline elements are copied, used or not: a copy of known length
  // needs no call.
  void copy(const Dims& other) {
    if (other.is_heap()) assign(other.data(), other.size());
    else std::memcpy(static_cast<void*>(this), &other, sizeof(Dims));
  }
  void steal(Dims& other) {
    std::memcpy(static_cast<void*>(this), &other, sizeof(Dims));
    other.size_ = 0;
    other.capacity_ = kInline;
  }

  uint32_t size_ = 0;
  uint32_t capacity_ = kInline;
  union {
    int64_t inline_[kInline];
    int64_t* heap_;
  };
};

// A borrowed list of int64, for parameters: braces, a Dims, a vector and a single number all convert to it.
class DimsRef {
 public:
  DimsRef() = default;
  DimsRef(const int64_t* data, int64_t size) : data_(data), size_(size) {}
  DimsRef(const Dims& d) : data_(d.data()), size_(d.size()) {}
  DimsRef(const std::vector<int64_t>& v) : data_(v.data()), size_(static_cast<int64_t>(v.size())) {}
  DimsRef(std::initializer_list<int64_t> v) : DimsRef(v.begin(), static_cast<int64_t>(v.size())) {}
  DimsRef(int64_t value) : size_(1), single_(value) {}
  DimsRef(int value) : DimsRef(int64_t{value}) {}

  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const int64_t* data() const { return data_ ? data_ : &single_; }
  const int64_t* begin() const { return data(); }
  const int64_t* end() const { return data() + size_; }
  int64_t operator[](int64_t i) const { return data()[i]; }
  int64_t back() const { return data()[size_ - 1]; }
  Dims copy() const { return Dims(data(), size_); }
  bool operator==(const DimsRef& other) const {
    return size_ == other.size_ && std::memcmp(data(), other.data(), size_ * sizeof(int64_t)) == 0;
  }

 private:
  const int64_t* data_ = nullptr;
  int64_t size_ = 0;
  int64_t single_ = 0;
};

// A DimsRef that may be absent (None).
class OptDims : public DimsRef {
 public:
  OptDims() = default;
  template <class T>
  requires(std::is_convertible_v<T, DimsRef> && !std::is_same_v<T, bool>) OptDims(const T& value)
      : DimsRef(value), has_value_(true) {}
  OptDims(std::initializer_list<int64_t> v) : DimsRef(v), has_value_(true) {}
  bool has_value() const { return has_value_; }

 private:
  bool has_value_ = false;
};

// "[2, 3]", as PyTorch prints shapes in messages.
std::string to_string(DimsRef dims);

// Product of the sizes; RuntimeError when it does not fit int64.
int64_t numel_of(DimsRef sizes);

Dims contiguous_strides(DimsRef sizes);
bool is_contiguous(DimsRef sizes, DimsRef strides);

// NumPy broadcasting; RuntimeError "The size of tensor a (3) must match the size of tensor b (4) at
// non-singleton dimension 0".
Dims broadcast_shapes(DimsRef a, DimsRef b);

// The dimension counted from the front; IndexError "Dimension out of range (expected to be in range of [-2,
// 1], but got 2)". A 0-d tensor takes -1 and 0, unless `wrap_scalar` is false.
int64_t wrap_dim(int64_t dim, int64_t rank, bool wrap_scalar = true);

// Sizes with one -1 replaced by what the number of elements asks for; RuntimeError "shape '[2, 2]' is invalid
// for input of size 3".
Dims infer_size(DimsRef shape, int64_t numel);

// Strides that make the new shape a view of the old one, or false when there are none.
bool view_strides(DimsRef old_sizes, DimsRef old_strides, DimsRef new_sizes, Dims* new_strides);

}  // namespace rushlight
