// Dense memory, copied as it is.
//
// The C library's memcpy chooses its ways by what the processor says of itself: on a virtual machine that can
// be `rep movsb` from a page on, or stores past the caches far below their size, each of which takes up to
// twice the time of plain vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "rushlight/core/shape.h"

namespace rushlight::cpu {

void copy_vectors(void* out, const void* in, size_t n);

// The two do not overlap.
inline void copy_bytes(void* out, const void* in, size_t n) {
  constexpr size_t kFew = 256;  // for which a call through a table would cost more than it gives
  if (n < kFew) std::memcpy(out, in, n);
  else copy_vectors(out, in, n);
}

// The same past the caches, for outputs of which these would keep little: an ordinary store first reads what
// it is to overwrite. The last of them is followed by end_stream(), before other threads may look.
void stream_bytes(void* out, const void* in, size_t n);
void end_stream();

// Whether an output of `written` bytes should go past the caches: with what is read for it, it fills three
// quarters of them, and half of that itself. What stays in them serves whoever reads it next.
bool exceeds_caches(int64_t written, int64_t read);
// The same of an output for which as much is read.
inline bool exceeds_caches(int64_t bytes) { return exceeds_caches(bytes, bytes); }

// How many elements a walk by these strides, of whatever unit, reads from memory: one along a stride of zero.
int64_t elements_read(const Dims& sizes, const Dims& strides);

}  // namespace rushlight::cpu
