// Vector whose first N elements live inside the object: most nodes have one or two inputs and should not
// allocate for them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <utility>

namespace rushlight {

template <class T, uint32_t N>
class InlineVector {
 public:
  InlineVector() = default;
  InlineVector(std::initializer_list<T> values) {
    reserve(static_cast<uint32_t>(values.size()));
    for (const T& v : values) push_back(v);
  }
  InlineVector(const InlineVector& other) {
    reserve(other.size_);
    for (const T& v : other) push_back(v);
  }
  InlineVector(InlineVector&& other) noexcept { take(other); }
  InlineVector& operator=(InlineVector other) noexcept {
    clear_and_free();
    take(other);
    return *this;
  }
  ~InlineVector() { clear_and_free(); }

  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }

  void push_back(T value) {
    if (size_ == capacity_) reserve(2 * capacity_);
    new (data_ + size_) T(std::move(value));
    ++size_;
  }
  void resize(uint32_t size) {
    reserve(size);
    while (size_ > size) data_[--size_].~T();
    while (size_ < size) new (data_ + size_++) T();
  }
  void clear() { resize(0); }
  void reserve(uint32_t capacity) {
    if (capacity <= capacity_) return;
    T* bigger = static_cast<T*>(::operator new(capacity * sizeof(T)));
    for (uint32_t i = 0; i < size_; ++i) {
      new (bigger + i) T(std::move(data_[i]));
      data_[i].~T();
    }
    if (data_ != inline_data()) ::operator delete(data_);
    data_ = bigger;
    capacity_ = capacity;
  }

 private:
  T* inline_data() { return reinterpret_cast<T*>(buffer_); }
  void clear_and_free() {
    while (size_) data_[--size_].~T();
    if (data_ != inline_data()) ::operator delete(data_);
    data_ = inline_data();
    capacity_ = N;
  }
  void take(InlineVector& other) {
    if (other.data_ != other.inline_data()) {
      data_ = std::exchange(other.data_, other.inline_data());
      capacity_ = std::exchange(other.capacity_, N);
      size_ = std::exchange(other.size_, 0);
    } else {
      for (T& v : other) push_back(std::move(v));
      other.resize(0);
    }
  }

  alignas(T) unsigned char buffer_[N * sizeof(T)];
  T* data_ = inline_data();
  uint32_t size_ = 0;
  uint32_t capacity_ = N;
};

}  // namespace rushlight
