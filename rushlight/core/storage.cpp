#include "rushlight/core/storage.h"

#include <algorithm>
#include <cstring>

#include "rushlight/core/allocator.h"
#include "rushlight/core/error.h"

namespace rushlight {

void* Storage::operator new(size_t size) { return rushlight::allocate(size); }
void Storage::operator delete(void* p, size_t size) { rushlight::deallocate(p, size); }

Ref<Storage> Storage::allocate(size_t nbytes) {
  Ref<Storage> s(new Storage);
  s->data_ = rushlight::allocate(nbytes);
  s->nbytes_ = nbytes;
  return s;
}

Ref<Storage> Storage::borrow(void* data, size_t nbytes, Release release, void* context) {
  Ref<Storage> s(new Storage);
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
  rushlight::deallocate(data_, nbytes_);
  data_ = fresh;
  nbytes_ = nbytes;
}

Storage::~Storage() {
  if (release_) {
    release_(context_);
  } else if (data_) {
    rushlight::deallocate(data_, nbytes_);
  }
}

}  // namespace rushlight
