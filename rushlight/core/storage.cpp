#include "rushlight/core/storage.h"

#include <algorithm>
#include <cstring>

#include "rushlight/core/allocator.h"
#include "rushlight/core/error.h"

namespace rushlight {

Storage* Storage::make(size_t room) {
  static_assert(sizeof(Storage) <= kHeader);
  auto* s = ::new (rushlight::allocate(kHeader + room)) Storage;
  s->room_ = static_cast<uint32_t>(room);
  return s;
}

void Storage::operator delete(Storage* s, std::destroying_delete_t) {
  const size_t room = s->room_;
  s->~Storage();
  rushlight::deallocate(s, kHeader + room);
}

Ref<Storage> Storage::allocate(size_t nbytes) {
  const bool small = nbytes - 1 < kMaxRoom;  // and not 0, whose address is null
  Ref<Storage> s = Ref<Storage>::first(make(small ? nbytes : 0));
  s->data_ = small ? reinterpret_cast<char*>(s.get()) + kHeader : rushlight::allocate(nbytes);
  s->nbytes_ = nbytes;
  return s;
}

Ref<Storage> Storage::borrow(void* data, size_t nbytes, Release release, void* context) {
  Ref<Storage> s = Ref<Storage>::first(make(0));
  s->data_ = data;
  s->nbytes_ = nbytes;
  s->release_ = release;
  s->context_ = context;
  return s;
}

void Storage::resize(size_t nbytes) {
  RL_CHECK(is_resizable(), "Trying to resize storage that is not resizable");
  void* fresh = rushlight::allocate(nbytes);
  if (size_t kept = std::min(nbytes, nbytes_)) std::memcpy(fresh, data_, kept);
  if (!is_inside()) rushlight::deallocate(data_, nbytes_);
  data_ = fresh;
  nbytes_ = nbytes;
}

Storage::~Storage() {
  if (release_) {
    release_(context_);
  } else if (data_ && !is_inside()) {
    rushlight::deallocate(data_, nbytes_);
  }
}

}  // namespace rushlight
