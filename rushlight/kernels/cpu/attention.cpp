#include "rushlight/kernels/cpu/attention.h"

#include <algorithm>
#include <limits>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/gemm.h"
#include "rushlight/kernels/cpu/gemm_kernels.h"
#include "rushlight/kernels/cpu/softmax_kernels.h"

namespace rushlight::cpu {
namespace {

// Queries of one block. The products pack the keys and values for each block, so large blocks save work as
// long as their scores stay in the second-level cache; causal ones are small, to skip what lies above the
// diagonal. 96 and 192 rows are whole panels of the product's kernels.
int64_t block_queries(const AttentionShape& s) {
  constexpr int64_t kFewest = 64, kMost = 192, kScores = 96 * 1024;
  const int64_t rows = s.causal ? kFewest : std::clamp(kScores / s.keys, kFewest, kMost);
  return std::min(rows, s.queries);
}

// Where the parts of one head lie.
template <class T>
struct Head {
  Matrix<const T> query, key, value;
  const T* mask;
};

template <class T>
Head<T> head_at(const AttentionShape& s, int64_t b, int64_t h, const T* query, const T* key, const T* value,
                const T* mask) {
  const int64_t k = h / (s.heads / s.key_heads);
  return {{query + b * s.query_strides[0] + h * s.query_strides[1], s.query_strides[2], 1},
          {key + b * s.key_strides[0] + k * s.key_strides[1], s.key_strides[2], 1},
          {value + b * s.value_strides[0] + k * s.value_strides[1], s.value_strides[2], 1},
          mask ? mask + b * s.mask_strides[0] + h * s.mask_strides[1] : nullptr};
}

template <class T>
Matrix<const T> rows_from(Matrix<const T> m, int64_t row) {
  return {m.data + row * m.row_stride, m.row_stride, m.col_stride};
}

// The keys that a block of queries meets at most.
int64_t keys_met(const AttentionShape& s, int64_t end) { return s.causal ? std::min(s.keys, end) : s.keys; }

// How many of the `met` keys one query sees.
int64_t visible_keys(const AttentionShape& s, int64_t query, int64_t met) {
  return s.causal ? std::min(met, query + 1) : met;
}

// row = the part of the mask that it meets; the product with the keys is added to it.
template <class T>
void put_mask(const T* mask, int64_t stride, int64_t count, T* row) {
  if (stride == 1) std::copy_n(mask, count, row);
  else
    for (int64_t j = 0; j < count; ++j) row[j] = mask[j * stride];
}

// Softmax of a row; one without a finite score has no weights. Such a row begins with minus infinity, so the
// others are not searched.
template <class T>
void normalize(const SoftmaxKernel& softmax, T* row, int64_t count) {
  constexpr T kHidden = -std::numeric_limits<T>::infinity();
  if (row[0] == kHidden && std::all_of(row, row + count, [](T x) { return x == kHidden; }))
    std::fill_n(row, count, T(0));
  else softmax.row(Softmax::Plain, row, count, row);
}

// weights (rows, met) = softmax of the scores of the queries [first, first + rows).
template <class T>
void weigh(const AttentionShape& s, const Head<T>& head, int64_t first, int64_t rows, int64_t met,
           T* weights) {
  Epilogue<T> scaled;
  scaled.alpha = static_cast<T>(s.scale);
  if (head.mask) {
    scaled.beta = 1;
    for (int64_t r = 0; r < rows; ++r)
      put_mask(head.mask + (first + r) * s.mask_strides[2], s.mask_strides[3], met, weights + r * met);
  }
  gemm<T>(rows, met, s.size, rows_from(head.query, first), head.key.transposed(), Matrix<T>{weights, met, 1},
          scaled);
  const SoftmaxKernel& softmax = softmax_kernel(sizeof(T) == 8);
  for (int64_t r = 0; r < rows; ++r) {
    T* row = weights + r * met;
    const int64_t visible = visible_keys(s, first + r, met);
    std::fill(row + visible, row + met, T(0));
    normalize(softmax, row, visible);
  }
}

template <class F>
void each_block(const AttentionShape& s, F&& f) {
  const int64_t rows = block_queries(s), blocks = (s.queries + rows - 1) / rows;
  parallel_for(0, s.batch * s.heads * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % blocks * rows;
      f(i / blocks / s.heads, i / blocks % s.heads, first, std::min(rows, s.queries - first));
    }
  });
}

}  // namespace

template <class T>
void attention(const AttentionShape& s, const T* query, const T* key, const T* value, const T* mask, T* out) {
  each_block(s, [&](int64_t b, int64_t h, int64_t first, int64_t rows) {
    const Head<T> head = head_at(s, b, h, query, key, value, mask);
    const int64_t met = keys_met(s, first + rows);
    T* const weights = Scratch::get<T>(Slot::Scores, rows * met);
    weigh(s, head, first, rows, met, weights);
    T* target = out + ((b * s.heads + h) * s.queries + first) * s.value_size;
    gemm<T>(rows, s.value_size, met, Matrix<const T>{weights, met, 1}, head.value,
            Matrix<T>{target, s.value_size, 1});
  });
}

template <class T>
void attention_backward(const AttentionShape& s, const T* query, const T* key, const T* value, const T* mask,
                        const T* grad, T* dquery, T* dkey, T* dvalue) {
  const SoftmaxKernel& softmax = softmax_kernel(sizeof(T) == 8);
  const int64_t shared = s.heads / s.key_heads, most = block_queries(s);
  std::fill_n(dkey, s.batch * s.key_heads * s.keys * s.size, T(0));
  std::fill_n(dvalue, s.batch * s.key_heads * s.keys * s.value_size, T(0));
  // One task a key head: its gradients are sums over the query heads that share it, in order.
  parallel_for(0, s.batch * s.key_heads, 1, [&](int64_t begin, int64_t end) {
    T* const weights = Scratch::get<T>(Slot::Scores, 2 * most * s.keys);
    T* const slopes = weights + most * s.keys;
    Epilogue<T> adding, scaled, scaled_adding;
    adding.beta = scaled_adding.beta = 1;
    scaled.alpha = scaled_adding.alpha = static_cast<T>(s.scale);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t b = task / s.key_heads, k = task % s.key_heads;
      const Matrix<T> dk{dkey + task * s.keys * s.size, s.size, 1},
          dv{dvalue + task * s.keys * s.value_size, s.value_size, 1};
      for (int64_t h = k * shared; h < (k + 1) * shared; ++h) {
        const Head<T> head = head_at(s, b, h, query, key, value, mask);
        for (int64_t first = 0; first < s.queries; first += most) {
          const int64_t rows = std::min(most, s.queries - first), met = keys_met(s, first + rows);
          const int64_t row0 = (b * s.heads + h) * s.queries + first;
          weigh(s, head, first, rows, met, weights);
          const Matrix<const T> p{weights, met, 1}, g{grad + row0 * s.value_size, s.value_size, 1};
          gemm<T>(met, s.value_size, rows, p.transposed(), g, dv, adding);
          gemm<T>(rows, met, s.value_size, g, head.value.transposed(), Matrix<T>{slopes, met, 1});
          for (int64_t r = 0; r < rows; ++r) {
            T* row = slopes + r * met;
            const int64_t visible = visible_keys(s, first + r, met);
            softmax.row_backward(Softmax::Plain, row, weights + r * met, visible, row);
            std::fill(row + visible, row + met, T(0));
          }
          const Matrix<const T> d{slopes, met, 1};
          gemm<T>(rows, s.size, met, d, head.key, Matrix<T>{dquery + row0 * s.size, s.size, 1}, scaled);
          gemm<T>(met, s.size, rows, d.transposed(), rows_from(head.query, first), dk, scaled_adding);
        }
      }
    }
  });
}

#define RL_ATTENTION(T)                                                                              \
  template void attention<T>(const AttentionShape&, const T*, const T*, const T*, const T*, T*);     \
  template void attention_backward<T>(const AttentionShape&, const T*, const T*, const T*, const T*, \
                                      const T*, T*, T*, T*);
RL_ATTENTION(float)
RL_ATTENTION(double)
#undef RL_ATTENTION

}  // namespace rushlight::cpu
