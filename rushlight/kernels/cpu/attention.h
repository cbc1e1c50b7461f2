// Scaled dot product attention without the matrix of all scores: a block of queries at a time meets all keys,
// and the backward pass computes those scores again (after T. Dao et al., "FlashAttention", 2022).
#pragma once

#include <cstdint>

namespace rushlight::cpu {

// query (batch, heads, queries, size), key (batch, key_heads, keys, size), value (batch, key_heads, keys,
// value_size): the strides are in elements, those of the last dimension 1. `heads` is a multiple of
// key_heads; each key head serves consecutive query heads. out is contiguous. The mask is added to the scaled
// scores, with strides that may be 0, or null. Causal: query i meets the keys up to i. A query that meets no
// key gets zeros.
struct AttentionShape {
  int64_t batch, heads, key_heads, queries, keys, size, value_size;
  int64_t query_strides[3], key_strides[3], value_strides[3];
  int64_t mask_strides[4];
  bool causal;
  double scale;
};

// T is float or double.
template <class T>
void attention(const AttentionShape& shape, const T* query, const T* key, const T* value, const T* mask,
               T* out);

// Gradients of query, key and value, contiguous, from that of out, contiguous.
template <class T>
void attention_backward(const AttentionShape& shape, const T* query, const T* key, const T* value,
                        const T* mask, const T* grad, T* dquery, T* dkey, T* dvalue);

}  // namespace rushlight::cpu
