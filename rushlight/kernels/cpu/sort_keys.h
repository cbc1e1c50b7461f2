// Elements as unsigned keys of the same order.
#pragma once

#include <cstdint>

#include "rushlight/core/dtype.h"

namespace rushlight::cpu {

// Keys of n elements of a real dtype, complemented to sort the other way round, less `base`: what is left
// must fit Key, which is uint32_t or uint64_t. NaN has the largest key, and -0 that of 0.
template <class Key>
using Encode = void (*)(const void* x, int64_t n, bool descending, uint64_t base, Key* keys);
template <class Key>
Encode<Key> encode_function(DType dtype);
template <>
Encode<uint32_t> encode_function(DType dtype);
template <>
Encode<uint64_t> encode_function(DType dtype);

// The first i in [from, n) with keys[i] < limit, or n.
template <class Key>
using FindBelow = int64_t (*)(const Key* keys, int64_t from, int64_t n, Key limit);
template <class Key>
FindBelow<Key> find_below_function();
template <>
FindBelow<uint32_t> find_below_function();
template <>
FindBelow<uint64_t> find_below_function();

}  // namespace rushlight::cpu
