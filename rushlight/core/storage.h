// The bytes under one or more tensors.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "rushlight/core/counted.h"
#include "rushlight/core/device.h"

namespace rushlight {

class Storage : public Counted {
 public:
  // Gives foreign memory back to its owner.
  using Release = void (*)(void* context);

  // Uninitialised CPU memory, 64-byte aligned; RuntimeError when there is none.
  static Ref<Storage> allocate(size_t nbytes);
  // Borrows memory (NumPy's, DLPack's, a mapped file's); `release(context)` runs when the last tensor is
  // gone.
  static Ref<Storage> borrow(void* data, size_t nbytes, Release release, void* context);

  void* data() const { return data_; }
  size_t nbytes() const { return nbytes_; }
  Device device() const { return device_; }
  // Counts the in-place changes of the elements, so that backward can tell when a saved tensor is no longer
  // what it was.
  std::atomic<uint32_t> version{0};

  bool is_resizable() const { return release_ == nullptr && !pinned_; }
  // The memory stays where it is from now on: somebody else (NumPy, DLPack) holds its address.
  void pin() { pinned_ = true; }
  // Keeps the leading bytes; RuntimeError "Trying to resize storage that is not resizable" for borrowed
  // memory.
  void resize(size_t nbytes);

  ~Storage() override;
  static void operator delete(Storage* storage, std::destroying_delete_t);

 private:
  Storage() = default;
  // Few bytes live in one block with their storage: a small tensor then costs one allocation less. The object
  // takes up as many bytes as the elements are aligned to.
  static constexpr size_t kHeader = 64;
  static constexpr size_t kMaxRoom = 1024;
  static Storage* make(size_t room);
  bool is_inside() const { return room_ != 0 && data_ == reinterpret_cast<const char*>(this) + kHeader; }

  void* data_ = nullptr;
  size_t nbytes_ = 0;
  Device device_;
  bool pinned_ = false;
  uint32_t room_ = 0;  // bytes for elements that stand behind this object, in the same block
  Release release_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace rushlight
