#include "rushlight/kernels/cpu/attention.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/gemm.h"
#include "rushlight/kernels/cpu/gemm_packed.h"
#include "rushlight/kernels/cpu/softmax_kernels.h"

namespace rushlight::cpu {
namespace {

// Queries of one block: as many as leave their scores in the second-level cache; causal ones are few, to skip
// what lies above the diagonal. 48 and 192 rows are whole panels of the product's kernels.
constexpr int64_t kMostQueries = 192;
int64_t block_queries(const AttentionShape& s) {
  constexpr int64_t kFewest = 48, kScores = 48 * 1024;
  const int64_t rows = s.causal ? kFewest : std::clamp(kScores / s.keys, kFewest, kMostQueries);
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

// Elements from one row of scores to the next: an odd number of cache lines, so that the rows of a tile do
// not meet in one set of the first-level cache.
template <class T>
int64_t score_pitch(int64_t met) {
  constexpr int64_t kLine = 64 / sizeof(T);
  return (ceil_div(met, kLine) | 1) * kLine;
}

int64_t count_blocks(const AttentionShape& s) {
  const int64_t rows = block_queries(s);
  return ceil_div(s.queries, rows);
}

// A right operand (k x n) of the products of a head, which several blocks of queries share. It is packed once
// for all of them where it stays in the caches.
template <class T>
class HeadOperand {
 public:
  HeadOperand(Slot slot, int64_t k, int64_t n, Matrix<const T> b, int64_t blocks) : k_(k), b_(b) {
    constexpr int64_t kMostShared = 512 * 1024;
    if (blocks > 1 && k > 0 && n > 0 && k <= kMostShared / n) shared_.emplace(slot, k, n, b);
  }

  // c = alpha * a (rows x k) @ b + beta * c, of the first k rows and n columns of b.
  void multiply(int64_t rows, int64_t n, int64_t k, Matrix<const T> a, Matrix<T> c,
                const Epilogue<T>& e = {}) const {
    if (shared_ && k == k_)
      shared_->multiply(rows, n, a, {c.data, c.row_stride, c.col_stride, e.alpha, e.beta});
    else gemm<T>(rows, n, k, a, b_, c, e);
  }

 private:
  int64_t k_;
  Matrix<const T> b_;
  std::optional<SharedRight<T>> shared_;
};

// row = the part of the mask that it meets; the product with the keys is added to it.
template <class T>
void put_mask(const T* mask, int64_t stride, int64_t count, T* row) {
  if (stride == 1) std::copy_n(mask, count, row);
  else
    for (int64_t j = 0; j < count; ++j) row[j] = mask[j * stride];
}

// A row's scores become its weights but for a factor, which is returned. A row without a finite score has no
// weights; it begins with minus infinity, so the others are not searched.
template <class T>
T weigh_row(const SoftmaxKernel& softmax, T* row, int64_t count) {
  constexpr T kHidden = -std::numeric_limits<T>::infinity();
  if (row[0] == kHidden && std::all_of(row, row + count, [](T x) { return x == kHidden; })) {
    std::fill_n(row, count, T(0));
    return 1;
  }
  return static_cast<T>(softmax.exponentials(row, count, row));
}

template <class T>
void scale_row(T* row, int64_t count, T factor) {
  for (int64_t j = 0; j < count; ++j) row[j] *= factor;
}

// weights (rows, met) times a factor for each row = softmax of the scores of the queries
// [first, first + rows).
template <class T>
void weigh(const AttentionShape& s, const Head<T>& head, const HeadOperand<T>& keys, int64_t first,
           int64_t rows, int64_t met, Matrix<T> weights, T* factors) {
  Epilogue<T> scaled;
  scaled.alpha = static_cast<T>(s.scale);
  if (head.mask) {
    scaled.beta = 1;
    for (int64_t r = 0; r < rows; ++r)
      put_mask(head.mask + (first + r) * s.mask_strides[2], s.mask_strides[3], met,
               weights.data + r * weights.row_stride);
  }
  keys.multiply(rows, met, s.size, rows_from(head.query, first), weights, scaled);
  const SoftmaxKernel& softmax = softmax_kernel(sizeof(T) == 8);
  for (int64_t r = 0; r < rows; ++r) {
    T* row = weights.data + r * weights.row_stride;
    const int64_t visible = visible_keys(s, first + r, met);
    std::fill(row + visible, row + met, T(0));
    factors[r] = weigh_row(softmax, row, visible);
  }
}

// The blocks [begin, end) of one head; `out` is the head's.
template <class T>
void attend(const AttentionShape& s, const Head<T>& head, int64_t begin, int64_t end, T* out) {
  const HeadOperand<T> keys(Slot::SharedKeys, s.size, s.keys, head.key.transposed(), end - begin),
      values(Slot::SharedValues, s.keys, s.value_size, head.value, s.causal ? 0 : end - begin);
  const int64_t most = block_queries(s);
  for (int64_t first = begin * most; first < std::min(end * most, s.queries); first += most) {
    const int64_t rows = std::min(most, s.queries - first), met = keys_met(s, first + rows);
    const int64_t pitch = score_pitch<T>(met);
    const Matrix<T> weights{ThreadScratch::get<T>(Slot::Scores, rows * pitch), pitch, 1};
    T factors[kMostQueries], *result = out + first * s.value_size;
    weigh(s, head, keys, first, rows, met, weights, factors);
    values.multiply(rows, s.value_size, met, {weights.data, pitch, 1}, {result, s.value_size, 1});
    for (int64_t r = 0; r < rows; ++r) scale_row(result + r * s.value_size, s.value_size, factors[r]);
  }
}

}  // namespace

template <class T>
void attention(const AttentionShape& s, const T* query, const T* key, const T* value, const T* mask, T* out) {
  // A task is a head, or a part of one where there are few.
  const int64_t blocks = count_blocks(s), heads = s.batch * s.heads,
                grain = heads >= kGemmTasks ? blocks : ceil_div(blocks, kGemmTasks);
  parallel_for(0, heads * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t stop; begin < end; begin = stop) {
      const int64_t i = begin / blocks;
      stop = std::min(end, (i + 1) * blocks);
      attend(s, head_at(s, i / s.heads, i % s.heads, query, key, value, mask), begin - i * blocks,
             stop - i * blocks, out + i * s.queries * s.value_size);
    }
  });
}

template <class T>
void attention_backward(const AttentionShape& s, const T* query, const T* key, const T* value, const T* mask,
                        const T* grad, T* dquery, T* dkey, T* dvalue) {
  const SoftmaxKernel& softmax = softmax_kernel(sizeof(T) == 8);
  const int64_t shared = s.heads / s.key_heads, most = block_queries(s), blocks = shared * count_blocks(s);
  std::fill_n(dkey, s.batch * s.key_heads * s.keys * s.size, T(0));
  std::fill_n(dvalue, s.batch * s.key_heads * s.keys * s.value_size, T(0));
  // One task a key head: its gradients are sums over the query heads that share it, in order.
  parallel_for(0, s.batch * s.key_heads, 1, [&](int64_t begin, int64_t end) {
    const int64_t pitch = score_pitch<T>(s.keys);
    const Matrix<T> weights{ThreadScratch::get<T>(Slot::Scores, 2 * most * pitch), pitch, 1},
        slopes{weights.data + most * pitch, pitch, 1};
    Epilogue<T> adding, scaled, scaled_adding;
    adding.beta = scaled_adding.beta = 1;
    scaled.alpha = scaled_adding.alpha = static_cast<T>(s.scale);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t b = task / s.key_heads, k = task % s.key_heads;
      const Matrix<T> dk{dkey + task * s.keys * s.size, s.size, 1},
          dv{dvalue + task * s.keys * s.value_size, s.value_size, 1};
      const Head<T> of_key = head_at(s, b, k * shared, query, key, value, mask);
      const HeadOperand<T> keys(Slot::SharedKeys, s.size, s.keys, of_key.key.transposed(), blocks),
          values(Slot::SharedValues, s.value_size, s.keys, of_key.value.transposed(), blocks),
          key_rows(Slot::SharedKeyRows, s.keys, s.size, of_key.key, s.causal ? 0 : blocks);
      for (int64_t h = k * shared; h < (k + 1) * shared; ++h) {
        const Head<T> head = head_at(s, b, h, query, key, value, mask);
        for (int64_t first = 0; first < s.queries; first += most) {
          const int64_t rows = std::min(most, s.queries - first), met = keys_met(s, first + rows);
          const int64_t row0 = (b * s.heads + h) * s.queries + first;
          T factors[kMostQueries];
          weigh(s, head, keys, first, rows, met, weights, factors);
          for (int64_t r = 0; r < rows; ++r) scale_row(weights.data + r * pitch, met, factors[r]);
          const Matrix<const T> p{weights.data, pitch, 1}, g{grad + row0 * s.value_size, s.value_size, 1};
          gemm<T>(met, s.value_size, rows, p.transposed(), g, dv, adding);
          values.multiply(rows, met, s.value_size, g, slopes);
          for (int64_t r = 0; r < rows; ++r) {
            T* row = slopes.data + r * pitch;
            const int64_t visible = visible_keys(s, first + r, met);
            softmax.row_backward(Softmax::Plain, row, weights.data + r * pitch, visible, row);
            std::fill(row + visible, row + met, T(0));
          }
          const Matrix<const T> d{slopes.data, pitch, 1};
          key_rows.multiply(rows, s.size, met, d, {dquery + row0 * s.size, s.size, 1}, scaled);
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
