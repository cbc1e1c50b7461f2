// Intrusive reference counting: one pointer wide, one allocation an object.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace rushlight {

class Counted {
 public:
  Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  uint32_t use_count() const { return count_.load(std::memory_order_acquire); }

 protected:
  virtual ~Counted() = default;

 private:
  template <class T>
  friend class Ref;
  // The first owner, of an object that nobody else has seen: a store costs less than an atomic addition.
  void begin() const { count_.store(1, std::memory_order_relaxed); }
  void retain() const { count_.fetch_add(1, std::memory_order_relaxed); }
  bool try_retain() const {
    uint32_t n = count_.load(std::memory_order_relaxed);
    while (n != 0) {
      if (count_.compare_exchange_weak(n, n + 1, std::memory_order_acquire)) return true;
    }
    return false;
  }
  void release() const {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  mutable std::atomic<uint32_t> count_{0};
};

// Owning pointer to a Counted.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T* p) : p_(p) { retain(); }
  Ref(const Ref& other) : p_(other.p_) { retain(); }
  Ref(Ref&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  template <class U>
  requires std::is_convertible_v<U*, T*> Ref(const Ref<U>& other) : p_(other.get()) { retain(); }
  template <class U>
  requires std::is_convertible_v<U*, T*> Ref(Ref<U>&& other)
  noexcept : p_(other.detach()) {}
  ~Ref() { release(); }

  Ref& operator=(const Ref& other) {
    Ref(other).swap(*this);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    Ref(std::move(other)).swap(*this);
    return *this;
  }
  void reset() { Ref().swap(*this); }
  void swap(Ref& other) noexcept { std::swap(p_, other.p_); }

  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  bool operator==(const Ref& other) const { return p_ == other.p_; }

  // Hand the count over to, or take it from, a raw pointer.
  T* detach() { return std::exchange(p_, nullptr); }
  static Ref adopt(T* p) {
    Ref r;
    r.p_ = p;
    return r;
  }
  // The first owner of a new object.
  static Ref first(T* p) {
    static_cast<const Counted*>(p)->begin();
    return adopt(p);
  }

  // From a weak pointer: null when the object's last owner has already let go. The caller guards the pointer
  // against the destructor.
  static Ref if_alive(T* p) { return static_cast<const Counted*>(p)->try_retain() ? adopt(p) : Ref(); }

 private:
  void retain() const {
    if (p_) static_cast<const Counted*>(p_)->retain();
  }
  void release() const {
    if (p_) static_cast<const Counted*>(p_)->release();
  }
  T* p_ = nullptr;
};

template <class T, class... Args>
Ref<T> make_ref(Args&&... args) {
  return Ref<T>::first(new T(std::forward<Args>(args)...));
}

}  // namespace rushlight
