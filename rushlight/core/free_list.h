// Free lists for small C++ objects that come and go with every operation (tensor implementations, autograd
// nodes).
//
//   struct Node {
//     RL_POOLED(Node);
//     virtual ~Node() = default;
//   };
//
// `new` and `delete` of the class, and of every class derived from it, then go through the calling thread's
// free lists: one for each size in steps of 16 bytes up to 512, shared by all classes, at most 512 objects
// long. Larger and over-aligned objects go to the global operator new. An object may be deleted on another
// thread than it was made on. Off under sanitizers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

// Whether memory may be recycled: the sanitizers would be blind to what happens to it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RL_RECYCLE_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define RL_RECYCLE_MEMORY 0
#endif
#endif
#ifndef RL_RECYCLE_MEMORY
#define RL_RECYCLE_MEMORY 1
#endif

// For a thread-local pointer on a hot path: one load, no call. glibc keeps room for a few of them in
// libraries that are loaded at run time.
#if defined(__GLIBC__)
#define RL_FAST_TLS [[gnu::tls_model("initial-exec")]]
#else
#define RL_FAST_TLS
#endif

namespace rushlight::detail {

struct FreeNode {
  FreeNode* next;
};

class ObjectLists {
 public:
  static constexpr size_t kStep = 16;
  static constexpr size_t kMaxBytes = 512;
  static constexpr uint32_t kMaxLength = 512;

  static void* allocate(size_t bytes) {
    if (ObjectLists* lists = current_; lists != nullptr && bytes - 1 < kMaxBytes) [[likely]] {
      List& list = lists->lists_[index(bytes)];
      if (FreeNode* node = list.head; node != nullptr) [[likely]] {
        list.head = node->next;
        --list.length;
        return node;
      }
    }
    return ::operator new(rounded(bytes));
  }

  static void release(void* object, size_t bytes) noexcept {
    if (object == nullptr) return;
    if (RL_RECYCLE_MEMORY && bytes - 1 < kMaxBytes) [[likely]] {
      if (ObjectLists* lists = current_ != nullptr ? current_ : open(); lists != nullptr) [[likely]] {
        List& list = lists->lists_[index(bytes)];
        if (list.length < kMaxLength) [[likely]] {
          list.head = new (object) FreeNode{list.head};
          ++list.length;
          return;
        }
      }
    }
    ::operator delete(object);
  }

 private:
  struct List {
    FreeNode* head = nullptr;
    uint32_t length = 0;
  };

  static constexpr size_t index(size_t bytes) { return (bytes - 1) / kStep; }
  static constexpr size_t rounded(size_t bytes) {
    return RL_RECYCLE_MEMORY && bytes - 1 < kMaxBytes ? (index(bytes) + 1) * kStep : bytes;
  }

  // The thread's lists, made on its first release; nullptr while the thread ends, when they are gone.
  [[gnu::noinline]] static ObjectLists* open() noexcept {
    thread_local Owner owner;
    return owner.open();
  }

  ~ObjectLists() {
    for (List& list : lists_) {
      while (FreeNode* node = list.head) {
        list.head = node->next;
        ::operator delete(node);
      }
    }
  }

  class Owner {
   public:
    ObjectLists* open() {
      if (!ended_) current_ = new (std::nothrow) ObjectLists;
      return current_;
    }
    ~Owner() {
      ended_ = true;
      delete current_;
      current_ = nullptr;
    }

   private:
    bool ended_ = false;
  };

  RL_FAST_TLS static inline constinit thread_local ObjectLists* current_ = nullptr;

  List lists_[kMaxBytes / kStep];
};

}  // namespace rushlight::detail

namespace rushlight {

// What RL_POOLED puts behind a class's operator new and delete.
template <class T>
struct FreeList {
  static void* allocate(size_t bytes) {
    static_assert(alignof(T) <= detail::ObjectLists::kStep, "RL_POOLED is for ordinarily aligned classes");
    return detail::ObjectLists::allocate(bytes);
  }
  static void release(void* object, size_t bytes) noexcept { detail::ObjectLists::release(object, bytes); }
};

}  // namespace rushlight

// A class that is deleted through its base needs the virtual destructor: it tells delete the size.
#define RL_POOLED(T)                                                                                       \
  static void* operator new(size_t bytes) { return ::rushlight::FreeList<T>::allocate(bytes); }            \
  static void operator delete(void* object, size_t bytes) noexcept {                                       \
    ::rushlight::FreeList<T>::release(object, bytes);                                                      \
  }                                                                                                        \
  static void* operator new(size_t, void* place) noexcept { return place; }                                \
  static void operator delete(void*, void*) noexcept {}                                                    \
  static void* operator new(size_t bytes, std::align_val_t align) { return ::operator new(bytes, align); } \
  static void operator delete(void* object, size_t bytes, std::align_val_t align) noexcept {               \
    ::operator delete(object, bytes, align);                                                               \
  }                                                                                                        \
  static_assert(true)
